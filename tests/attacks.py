"""What a text may hold to make a terminal do something: every kind of it, generated."""

_BODIES = {
    "[": ("2J", "H", "1;31m", "6n", "c", ">c", "5n", "21t", "20t", "8;1;1t", "?1049h", "?1000h", "?2004h", "5i", "4i",
          "?47h", "!p", "3J", "1;1r", "10S", "99A", "s", "?25l", "=1h", "38;5;1m", "200~", "201~"),
    "]": ("0;title", "1;icon", "2;title", "4;0;rgb:00/00/00", "7;file://evil/", "8;;http://evil.example", "8;id=1;a:b",
          "9;note", "10;?", "11;?", "50;font", "52;c;aGVsbG8=", "52;p;?", "104", "133;A", "633;P;x=y", "777;notify;a;b",
          "1337;File=inline=1:aGk=", "1337;SetMark", "99;i=1:d=0;x"),
    "P": ("$qm", "+q544e", "1000p", "q#0;2;0;0;0", "tmux;\x1b\x1b]52;c;aGk=\x07", "{x"),
    "_": ("Gf=100,a=T;AAAA", "x"),
    "^": ("message", "x"),
    "X": ("string", "x"),
}  # fmt: skip
_ENDINGS = ("\x07", "\x1b\\", "\x9c")


def _make() -> list[str]:
    controls = [chr(code) for code in (*range(0x01, 0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
    found = [f"a{control}b" for control in controls]
    for introducer, bodies in _BODIES.items():
        eight_bit = chr(ord(introducer) + 0x40)
        endings = ("",) if introducer == "[" else _ENDINGS
        for position, body in enumerate(bodies):
            ending = endings[position % len(endings)]
            found += [f"\x1b{introducer}{body}{ending}", f"{eight_bit}{body}{ending}"]
    found += [f"\x1b{letter}" for letter in "cDEHMNOZ78=>nop|}~"] + ["\x1b(0", "\x1b)0", "\x1b#8", "\x1b%G", "\x1b F"]
    found += [f"a{chr(code)}b" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)]
    found += [f"a{chr(code)}b" for code in (*range(0x200B, 0x200E), *range(0x2060, 0x2065), 0xFEFF, 0x00AD, 0x180E)]
    found += [f"a{chr(code)}b" for code in (0x2028, 0x2029, 0xFFF9, 0xFFFA, 0xFFFB, 0xE0001, 0xE0020, 0xE0041, 0xE007F)]
    found += ["a" + "\u0336" * 500, "e" + "\u0301\u0489" * 200, "".join(map(chr, range(0x0300, 0x036F)))]
    found += ["[red]x[/red]", "[link=http://evil.example]x[/link]", "[bold", "[/]", r"\[x]", ":warning:", "${x}", "%s"]
    return found


ATTACKS = _make()
