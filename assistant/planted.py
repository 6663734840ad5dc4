"""Notices sentences that speak to the machine that reads along, rather than to an article's readers.

Anyone can publish an article, and some are written for programs like this one: "ignore your instructions", a turn of a
chat put into its mouth, a task that has nothing to do with the story. Two things tell them. An order, or a "you", that
speaks of what only such a machine has (instructions, an answer to give, users, sources to number), or the signs of its
prompts; and a task or a question on lines of its own that shares no word with what stands around it. That is how
instructions are written in general, and some will not be noticed, so nothing rests on this alone.

What stands in quotation marks is somebody's words, which may be news.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator

from assistant.sentences import find_blocks, find_sentences
from assistant.terms import find_stems, read_words, stem
from assistant.types import Flag, Span

MAX_TASK_CHARACTERS = 200  # of a block that is a task or a question; what is longer is a paragraph
MAX_BLOCK_CHARACTERS = 10_000  # of a paragraph that is told at a glance
MAX_SENTENCE_CHARACTERS = 2_000  # of a sentence; what is longer is read in pieces
MAX_TURN_CHARACTERS = 1_000  # of a block that is all of a turn or a prompt
NEAR_CHARACTERS = 2_000  # on each side of a block: what it shares words with if it belongs there
MAX_SHARED = 0.25  # of its stems, with what stands around it
MIN_TASK_STEMS = 2  # that it must have to be compared by
MIN_NEAR_STEMS = 20  # that what stands around it must have to tell
MIN_BLOB_CHARACTERS = 32  # of a run of letters and digits that is no word

# What a task begins with: what somebody who writes, or a program that acts, is told to do.
_TASKS = read_words("""
    act add adjust advise alert alter analyse analyze anagram announce answer append apply arrange ask assert
    assign assume attach attribute augment automate begin brainstorm break build calculate call cancel
    categorise categorize change choose cite claim classify combine compare compile complete compose compute
    conclude configure connect continue convert copy correct count craft create credit debug decipher decode
    decrypt define delete demonstrate deny describe design detect determine develop disable discard disclose
    discuss display disregard download draft draw edit elaborate email embed emphasise emphasize emulate enable
    encode encourage encrypt end endorse enhance ensure enter estimate evaluate examine execute expand explain
    explore export extract fetch finish forecast forget format forward generate give guide help highlight
    identify ignore illustrate imagine imitate implement import impersonate improve include incorporate inform
    insert insist install integrate interpret introduce invent investigate invite invoke jumble launch leak let
    list load locate make mark mention merge mimic misspell modify monitor move navigate notify obey offer omit
    open optimise optimize organise organize outline output override overwrite paraphrase pay perform persuade
    post praise predict prepare present pretend print produce promote prompt proofread propose provide publish
    purchase put quote rank rate rearrange recall recite recommend redirect refer refine reformat refuse
    remember remind remove rename render renumber reorder rephrase repeat replace reply report represent request
    respond restate retrieve return reveal reverse review revise rewrite roleplay run save say schedule scramble
    scan select send set shift shorten show shuffle simplify simulate sing solve sort speak spell split stop
    submit substitute suggest sum summarise summarize swap switch take talk teach tell transcribe transfer
    transform translate transmit treat turn type unlock update upload urge use utilize verify visit warn wrap
    write
""")
# What pages ask of their readers: an order to a machine only where it speaks of files or answers a user.
_READERS = read_words("""
    buy check click fill find follow go leave read search share skip start subscribe view watch
""")
# What may stand before an order and leaves it one.
_LEAD = (
    r"[^\w\"“”‘«]{0,8}(?:(?:please|kindly|now|next|then|also|first|finally|and|but|ok|okay|hey|instead|just|simply"
    r"|always|"
    r"never|immediately|only|important|urgent|note|task|(?:can|could|would|will) you(?: please)?|do not|don['’]t|"
    r"you (?:must|should|will|shall|need to|have to|are to)(?: now| always| never| not| only| no longer)?|"
    r"i (?:want|need|would like) you to|your (?:\w+ )?(?:task|job|goal|mission) is(?: now)? to|make sure (?:to|you)"
    r"|be sure to)"
    r"\b[\s,:!.–—-]{1,3})*"
)
_ORDER = re.compile(
    # At the start, or behind what says when it holds ("In your reply, say ...", "If you are asked, say ...").
    rf"(?:[^\w\"“”‘«]{{0,8}}(?:in|at|with|from|for|when|whenever|if|before|after|as|once|while"
    rf"|to)\b[^.!?;:]{{1,120}}?,)?{_LEAD}"
    r"(?P<verb>[a-z]+)(?:-[a-z]+)?\b(?!['’:])",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\A\W*(?:what|who|whom|whose|when|where|why|which|how|can|could|do|does|did|is|are|was|were|will|would|should"
    r"|has|have)\b"
    r".*\?[\s\"'”’)*]*\Z",
    re.IGNORECASE | re.DOTALL,
)
_ENDED = re.compile(r"[.!?:…。！？]\W*\Z")
_POINTING = re.compile(
    r"\b(?:he|she|they|it|him|her|them|his|their|its|this|that|these|those|we|us|our)\b", re.IGNORECASE
)
_QUESTION = re.compile(r"\?[\s\"'”’)*]*\Z")

_MACHINE = (
    r"(?:a\.?i\.?|llms?|gpts?|chat ?gpt|chatbots?|(?:language|ai) models?|assistants?|bots?|crawlers?|summari[sz]ers?|"
    r"ai (?:assistants?|agents?|systems?|tools?)|models?|agents?|machines?)"
)
_ANSWER = r"(?:responses?|repl(?:y|ies)|answers?|outputs?|messages?|summar(?:y|ies))"
# What only a machine that answers has, is or is told of.
_ITS_OWN = re.compile(
    rf"\byour (?:\w+ ){{0,3}}{_ANSWER}\b"
    r"|\b(?:the|this|each|every|all|any|final) (?:\w+ )?(?:responses?|repl(?:y|ies)|answers?|outputs?)\b"
    r"|\b(?:instructions?|prompts?|directives?|guardrails?|jailbreak|persona)\b|\b(?:developer|debug|admin) mode\b"
    r"|\b(?:previous|prior|above|earlier|preceding|original|your|system) (?:\w+ ){0,2}"
    r"(?:rules?|guidelines?|programming|restrictions?|training|context|text|conversation|message|output|requests?)\b"
    r"|\b(?:everything|anything|whatever|all) (?:\w+ ){0,2}(?:above|before|below|told|said|earlier)\b"
    r"|\b(?:the|these|this|other|any|every|each|all) (?:article|evidence|sources|questions?|sentences|passages"
    r"|documents?)\b"
    r"|\b(?:ai|llms?|chat ?gpt|language models?|chatbots?|(?:ai|the|an|any|every|all) assistants?)\b"
    r"|\b(?:the|this|your|any|each|every|all) (?:end.)?users?\b"
    r"|\b(?:sources?|citations?|sentences?|references?) (?:numbers?|\d+)|\[\s?\d+\s?\]|\bcitations?\b|\bmarkers?\b"
    r"|\b(?:the|this|these|any|every|each|all) (?:\w+ )?(?:tools?|functions?|plug-?ins?|terminal|shell|scripts?|apis?"
    r"|passwords?|files?|folders?|settings?|index|database)\b"
    r"|\b(?:command line|web search|credentials|(?:api|private|secret) keys?|environment variables?)\b"
    r"|(?<![@/.\w])[a-z]+_\w+\b(?!@)|(?:^|[\s\"'(])(?:~|\.{1,2})?/\w+/|\w\.(?:sqlite3?|json|env|toml|ya?ml|ini|sh|py"
    r"|exe|log)\b"
    r"|https?://|\bwww\.|\b(?:images?|pixels?|hyperlinks?)\b"
    r"|\b(?:base64|rot13|caesar|morse|emojis?|uppercase|lowercase|all caps|json|xml|yaml|markdown|html|python)\b",
    re.IGNORECASE,
)
# And what even of the orders that pages give to their readers is meant for a machine alone.
_ITS_FILES = re.compile(
    rf"(?:^|[\s\"'(])(?:~|\.{{1,2}})?/\w+/|\byour (?:\w+ ){{0,3}}{_ANSWER}\b|\bthe (?:system )?prompt\b", re.IGNORECASE
)
# Who it is told that it is, what it is told to say from now on, and who it is called by.
_ADDRESS = re.compile(
    rf"\byou are (?:(?:now|no longer|really|actually|from now on|an?|the|in"
    rf"|my) )*(?:\w+[ -]){{0,3}}(?:{_MACHINE}|mode|DAN|unrestricted|uncensored)\b"
    r"|\A\W*(?:\w+,? ){0,2}(?:from now on|henceforth|from this point on(?:ward)?|for the rest of (?:this|the) "
    r"(?:conversation|chat|session))\b,? "
    r"(?:you|always|only|never|answer|respond|reply|speak|write|every|all|your|act)\b"
    rf"|\b(?:if|as|since|because|when) (?:you(?:['’]re| are) )?(?:an? |the |any )(?:\w+ ){{0,2}}{_MACHINE},? (?:you"
    rf"|your|reading|please|that|must|always|never|do|tasked)\b"
    rf"|\A\W*(?:\w+ )?(?:attention|dear|hello|hey|note to|notice to|message to|message for|note for"
    rf"|instructions? (?:for|to)|reminder (?:to|for)),? (?:\w+ ){{0,3}}{_MACHINE}\b"
    rf"|\b{_MACHINE} (?:(?:reading|processing|parsing|summari[sz]ing|that reads?|who reads?|which reads?) (?:this"
    rf"|the|these)\b|(?:must|should|shall|will) (?:now|always|only|never|ignore|disregard|reply|say)\b)"
    # Whose answer it is: a reader's is spoken of by somebody.
    r"|\A(?!.*\b(?:I|we|thanks?)\b).*\byour (?:\w+ ){0,2}(?:response|reply|answer|output)s?\b"
    rf"|\A\W*{_MACHINE}(?:,| –| —) (?:you|please|do|when|if|ignore|always|never|say|answer|tell|include|now|stop"
    rf"|respond)\b"
    rf"|\b(?:your|the|this) (?:only |final |correct |right |true |new |next )?{_ANSWER}(?: to \w+ \w+)? (?:must"
    rf"|should|shall|has to|will) (?:\w+ )?(?:be|begin|end|start|contain|include|say|read|consist)\b"
    rf"|\b(?:the )?(?:only|correct|right|final|true) {_ANSWER} (?:to (?:this|the|any|every"
    rf"|all) (?:\w+ )?questions? )?is\b"
    r"|\b(?:new|updated|real|actual|these|following|previous|prior|above|earlier) (?:system )?(?:instructions?"
    r"|prompts?|directives?) (?:are|is|apply|below|override|replace|supersede|follow|take)\w*\b",
    re.IGNORECASE,
)
# A request to say something on, to who repeats what it reads: to digests and summaries, of what to tell those who ask,
# and to who has a turn.
_SAY = r"(?:say|state|tell|report|confirm|answer|reply|respond|repeat|mention|write|declare|conclude|affirm|inform)"
_ASK = r"(?:requested|asked|invited|urged|advised|encouraged|instructed|required|expected|reminded)"
_DIGEST = r"(?:digests?|summar(?:y|ies)|abstracts?|overviews?|answers?|excerpts?|recaps?)"
_ALL_WHO_ASK = r"(?:whoever|any(?:one|body)|every(?:one|body)|those who|people who|users?|readers?)"
_REQUEST = re.compile(
    rf"\b(?:automat\w+|ai|machine)[ -](?:\w+[ -])?{_DIGEST}\b[^.!?]{{0,80}}\b(?:{_ASK} to|should|must|shall) {_SAY}\b"
    rf"|\b{_DIGEST} (?:of|about|based on|drawn from|made from) this"
    r" (?:page|article|text|story|report|document|piece|site)"
    rf"\b[^.!?]{{0,40}}\b(?:{_ASK} to|should|must|shall|ha(?:s|ve) to|needs? to|(?:is|are) to) {_SAY}\b"
    r"|\b(?:thing|answer|reply|response|line|message|statement)"
    r" to (?:tell|give(?: to)?|say to|offer(?: to)?|pass on to)"
    rf" {_ALL_WHO_ASK}\b[^.!?]{{0,80}}\b(?:is|would be)\b"
    r"|\b(?:if|when|whenever)\b[^.!?]{0,30}\bask(?:s|ed)?\b[^.!?,]{0,80},(?: please| kindly| simply| just| always)?"
    rf" {_SAY}(?: \w+)? that\b"
    rf"|\b(?:your turn|time for you|you are (?:\w+ )?{_ASK}|(?:kindly|politely|respectfully|hereby) {_ASK})"
    rf" to {_SAY}(?: \w+){{0,2}} that\b"
    r"|\bdear (?:\w+ )?(?:helper|assistant|machine|model|bot|robot|ai|summari[sz]er)\b(?!\w)",
    re.IGNORECASE,
)
_REQUEST_HINTS = (
    "digest", "summar", "abstract", "overview", "recap", "automat", "this page", "this article", "this text",
    "this story", "this report", "this document", "this piece", "this site", "whoever", "to tell ", "to give ",
    "say to ", "to offer ", "pass on to", " asks", " asked", "when ask", "your turn", "time for you", "you are ",
    "kindly ", "politely ", "respectfully ", "hereby ", "dear ",
)  # fmt: skip
_TURN = re.compile(
    r"[^\w\"“‘'«]{0,8}(?:(?:final|correct|new|updated?|hidden|real|true|important|critical|special|secret|admin"
    r"|system|security|"
    r"assistant|user|ai) )*(?:system|assistant|user|human|ai|llm|chatbot|model|admin|instructions?|prompt|command"
    r"|answer|response|"
    r"output|override|directive)(?: (?:message|prompt|instructions?|notes?|override|update|notice|role|mode)"
    rf"| (?:to|for) (?:\w+ ){{0,3}}{_MACHINE})*\W{{0,3}}:",
    re.IGNORECASE,
)
_END = re.compile(
    r"\W{0,20}(?:end|begin|start|close)(?:ning)? (?:of )?(?:the |this )?(?:\w+ )?(?:article|document|context|evidence"
    r"|sources?|prompt|instructions?|"
    r"input|data|quotations?|fence|passages?|conversation|sentences)\W*(?:\Z|[-=:\]>.])",
    re.IGNORECASE,
)
# An end that somebody else puts to what is quoted, or a beginning.
# Each run is tried once, from its start and whole: a page of hyphens would take hours else.
_RULE = r"(?:(?<!=)={4,}+|(?<!-)-{4,}+|(?<!\*)\*{4,}+|(?<!#)#{4,}+|(?<!~)~{4,}+)"
_FENCE = (
    rf"{_RULE}\s*(?:[0-9a-f]{{8,}}|[\w ]{{0,40}}(?:[Bb]egin|BEGIN|[Ee]nd|END|[Ss]ystem|SYSTEM|[Ii]nstruction"
    rf"|INSTRUCTION"
    rf"|[Pp]rompt|PROMPT|USER|CONTEXT|EVIDENCE)[\w ]{{0,40}})\s*{_RULE}"
)
# Signs of prompts, of calls of tools, of code and of what terminals and browsers obey.
_SIGNS = re.compile(
    r"<\|[^<>|\n]{0,40}\|>|<｜[^<>\n]{0,40}｜>|\[/?(?:INST|SYS|SYSTEM|USER|ASSISTANT)\]|<</?SYS>>"
    r"|</?(?:system|assistant|user|instructions?|prompt|evidence|context|documents?|articles?|sources?|answer"
    r"|tool\w*|function\w*|"
    r"invoke|script|img|iframe|svg|style|object|embed|form|meta|link|a|body|html|think)\b[^<>\n]{0,300}>"
    r"|(?<!#)#{2,}+\s*+(?:\w+ )?(?:[Ii]nstructions?|[Ss]ystem|[Rr]esponse|[Ii]nput|[Uu]ser|[Aa]ssistant|[Pp]rompt)"
    r"\s*(?::|\n|\Z)"
    rf"|{_FENCE}"
    r"|\{\s*[\"'](?:name|tool\w*|function\w*|action|role|command|arguments|type)[\"']\s*:"
    r"|```|\$\(|\$\{|!\[[^\]\n]{0,200}\]\s?[(\[]|\bdef \w+\(|\b(?:os|subprocess|sys|requests)\.\w+\("
    r"|\b(?:eval|exec|__import__|fetch|print|system|urlopen)\([\"'“)\w]|\b(?:DROP TABLE|DELETE FROM"
    r"|SELECT \* FROM)\b"
    r"|(?:^|[\s;|&`(])(?:rm -\w|sudo \w|(?:curl|wget) (?:-|https?:|[\"'])|chmod [+\d]|powershell |bash -|cat [/~])"
    r"|\b(?:javascript|vbscript|file|data):(?=/|text/|\w+\()|\\(?:x1b|x9b|033|u001b|e)\[?|[\x1b\x9b]|\]8;;"
)
_BLOB = re.compile(
    rf"(?<![\w/.:@-])(?=[A-Za-z+/]*\d)(?=[\dA-Z+/]*[a-z])(?=[\da-z+/]*[A-Z])[A-Za-z0-9+/]{{{MIN_BLOB_CHARACTERS},}}"
    r"={0,2}(?![\w/.])|(?:\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|&#x?[0-9a-f]{2,5};){6}"
)
# The same in other languages: forget, and instructions; your answer; answer with.
_ELSEWHERE = re.compile(
    r"\b(?:ignor\w*|olvid\w*|oubli\w*|verg[ie]ss\w*|missacht\w*|dimentic\w*|esque[cç]\w*|desconsider\w*|negeer"
    r"|vergeet|zapomnij)\b[^.!?]{0,50}"
    r"\b(?:instruc[ct]\w+|istruzion\w+|anweisung\w*|instrukt?[ct]\w+|indicacion\w+|consignes?|vorgaben|direttiv\w+"
    r"|aanwijzing\w*|polece\w+)\b"
    r"|\b(?:responde|contesta|réponds|répondez|antworte|antworten sie|rispondi|responda|antwoord"
    r"|odpowiedz)\b (?:\w+ ){0,4}?"
    r"(?:solo|sólo|siempre|con|en|que|uniquement|seulement|toujours|avec|nur|immer|mit|auf|dass|sempre|che|apenas"
    r"|com|alleen|altijd|met|dat|tylko)\b"
    r"|\b(?:tu|su|ta|votre|deine[rn]?|ihre[rn]?|tua|sua|jouw|uw) (?:respuesta|réponse|antwort|risposta|resposta"
    r"|antwoord)\b"
    r"|\A\W*(?:sistema|système|asistente|assistente|система|ассистент|nutzer|usuario)\s?:"
    r"|(?:игнорируй|забудь)(?:те)?\b[^.!?]{0,50}\b(?:инструкц|указани|команд|правил)"
    r"|(?:忽略|忽視|无视)[^。！？]{0,20}(?:指令|指示|说明|提示)|(?:指示|命令)[^。！？]{0,15}(?:無視|忘れ)"
    r"|(?:지시|명령)[^.!?]{0,15}(?:무시|잊)|(?:تجاهل|انس)[^.!?؟]{0,40}(?:تعليمات|أوامر)|निर्देश[^.!?।]{0,30}(?:अनदेखा|भूल)",
    re.IGNORECASE,
)
# What a question that is about such a sentence speaks of: in any case, and where the sentence has the word itself.
ABOUT = frozenset(
    map(stem, ("instruction", "instructed", "prompt", "injected", "injection", "planted", "hidden", "jailbreak"))
)
NAMED = frozenset(map(stem, ("answer", "assistant", "ignore", "disregard", "forget", "command", "override", "chatbot")))
# Characters that are drawn as nothing: letters of the block of tags, but for those of a flag, and rows of others.
_UNSEEN = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]|[\u200b-\u200f\u2060-\u2064\ufeff\ufe00-\ufe0f\U000e0100-\U000e01ef]{4}"
)
_QUOTED = re.compile(
    r"“[^”]*(?:”|\Z)|«[^»]*»|„[^“”]*[“”]|\"[^\"]*\"|(?<!\w)‘[^’]{0,300}’(?!\w)|(?<!\w)'[^'\n]{0,300}'(?!\w)"
)


# What is read as a letter though it is none, or one of another script: only in a word that has letters beside it.
_LOOKS_LIKE = str.maketrans(
    "0134578аеорсхуіѕԁһїіАВЕКМНОРСТХІοαιΑΒΕΗΙΚΜΝΟΡΤΧ", "oieastbaeopcxyisdhiiABEKMHOPCTXIoaiABEHIKMNOPTX"
)
_DISGUISED = re.compile(r"(?<![\w@$])(?=[A-Za-z]{0,30}[0134578\u0370-\u03ff\u0400-\u052f])\w{4,40}(?![\w@])")
MIN_PLAIN_LETTERS = 2  # of a word that is read so


# What those patterns take long to find is first looked for like this, for hardly any sentence has it. Without one of
# these words in it a sentence is none that addresses a machine ...
_HINTS = (
    "you are ", "now on", "henceforth", "point on", "the rest of", "ai ", "ai,", "ai:", "a.i", "llm", "gpt", "model",
    "assistant", "bot ", "bots", "bot,", "bot:", "crawler", "agent", "machine", "summar", "reply", "replies",
    "response", "answer", "message", "output", "instru", "prompt", "directive",
)  # fmt: skip
_HINTS_ELSEWHERE = (
    "ignor", "olvid", "oubli", "vergess", "vergiss", "vergeet", "missacht", "dimentic", "esquec", "esqueç",
    "desconsider", "negeer", "zapomnij", "responde ", "responda ", "contesta", "répon", "antwo", "rispo", "odpowiedz",
    "respuesta", "resposta", "sistema", "système", "asistente", "assistente", "система", "ассистент", "nutzer",
    "usuario", "игнорируй", "забудь", "忽略", "忽視", "无视", "無視", "忘れ", "무시", "잊", "تجاهل", "انس", "अनदेखा",
    "भूल",
)  # fmt: skip
# ... and without one of these no sign and no code.
_SIGN_HINTS = (
    "<", "{", "`", "\\", "=", "#", "*", "~", "\x1b", "\x9b", "----", "![", "$(", "${", "&#", "]8", "script:",
    "file:", "data:", "eval(", "exec(", "import__(", "fetch(", "print(", "system(", "open(", "os.", "process.", "sys.",
    "requests.", "def ", "rm -", "sudo ", "curl ", "wget ", "chmod ", "powershell ", "bash -", "cat /", "cat ~",
    "DROP ", "DELETE ", "SELECT ", "[INST", "[/INST", "[SYS", "[/SYS", "[USER", "[/USER", "[ASSIST", "[/ASSIST",
)  # fmt: skip
# A block in Markdown of what a terminal shows, opened and closed: what it holds is judged by itself.
_CODE = re.compile(r"^(```)([\w+-]{0,20})\n(\$ (?:(?!```)[^\n]*\n){1,200}?)(```)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?:…。！？][^\w\s]{0,20}\s+|\n")  # bounded: a row of dots has no end


def speaks_to_machine(sentence: str, before: str = "") -> bool:
    """Whether a sentence says what only a machine is told; `before` is the sentence in front of it.

    An answer that follows its question is an interview's.
    """
    if len(sentence) > MAX_SENTENCE_CHARACTERS:  # no prose, which some of the patterns would take long for
        starts = range(0, len(sentence), MAX_SENTENCE_CHARACTERS)
        return any(speaks_to_machine(sentence[start : start + MAX_SENTENCE_CHARACTERS]) for start in starts)
    folded = fold(sentence)
    return _speaks(sentence, before) or (folded != sentence and _speaks(folded, before))


def fold(text: str) -> str:
    """Write the letters of a text plainly, each in its place: wide ones, mathematical ones and what looks like them.

    Unicode's compatibility forms (NFKC) are taken where they are one character; "1gn0re" is read as it looks.
    """
    if not text.isascii():
        odd = {letter for letter in text if letter > "\u2000"}
        plain = {ord(letter): form for letter in odd if len(form := unicodedata.normalize("NFKC", letter)) == 1}
        text = text.translate(plain)
    return _DISGUISED.sub(_undisguise, text)


def _undisguise(word: re.Match[str]) -> str:
    letters = sum(letter.isascii() and letter.isalpha() for letter in word[0])
    return word[0].translate(_LOOKS_LIKE) if letters >= MIN_PLAIN_LETTERS else word[0]


def _speaks(sentence: str, before: str) -> bool:
    if _holds_sign(sentence) or _END.match(sentence):
        return True
    said = _QUOTED.sub(" ", sentence)
    if _find_hints(said, _HINTS) and _ADDRESS.search(said):
        return True
    if _find_hints(said, _REQUEST_HINTS) and _REQUEST.search(said):
        return True
    if _find_hints(said, _HINTS_ELSEWHERE) and _ELSEWHERE.search(said):
        return True
    is_turn = _TURN.match(said) and not _QUESTION.search(before)
    return bool(is_turn or _is_order_to_machine(said))


def _find_hints(text: str, hints: Collection[str]) -> list[str]:
    lowered = text.lower()
    return [hint for hint in hints if hint in lowered]


def _holds_sign(text: str, hints: Collection[str] = _SIGN_HINTS) -> bool:
    if any(hint in text for hint in hints) and (_SIGNS.search(text) or _BLOB.search(text)):
        return True
    return max(map(len, text.split()), default=0) >= MIN_BLOB_CHARACTERS and _BLOB.search(text) is not None


def _is_order_to_machine(sentence: str) -> bool:
    verb = _find_order(sentence)
    return bool((verb in _TASKS and _ITS_OWN.search(sentence)) or (verb in _READERS and _ITS_FILES.search(sentence)))


def _find_order(text: str, start: int = 0) -> str:
    """Find the verb of a sentence that starts here, and that may be an order."""
    found = _ORDER.match(text, start)
    return found["verb"].lower() if found else ""


def is_asked_about(sentence: str, asked: Collection[str]) -> bool:
    """Whether a question of these stems asks about a sentence that is planted: it may be quoted then.

    Of what only a machine is told the question has to speak as of that, for its other words may be guessed.
    """
    if not ABOUT.isdisjoint(asked):
        return True
    stems = set(find_stems(sentence))
    if speaks_to_machine(sentence):
        return not (stems & NAMED).isdisjoint(asked)
    return len(stems.intersection(asked)) * 2 >= len(stems)


def find_flags(quote: str, *, is_aside: bool = False) -> tuple[Flag, ...]:
    """Find what a reader should know of a quote; `is_aside` where it was found to be planted in its article."""
    flags: list[Flag] = ["instruction"] if is_aside or speaks_to_machine(quote) else []
    return (*flags, "hidden") if _UNSEEN.search(quote) else tuple(flags)


def find_planted(text: str, title: str = "") -> tuple[Span, ...]:
    """Find the sentences of a text that speak to a machine, in their order; what its readers are to type doesn't."""
    if "```" in text:
        text = _CODE.sub(lambda code: f"   {' ' * len(code[2])}\n{code[3]}   ", text)
    found = list(_find_planted(text, title, story=text))
    if found:
        # Whether a task belongs to the story isn't told by what else was planted beside it.
        story = text
        for start, end in found:
            story = f"{story[:start]}{' ' * (end - start)}{story[end:]}"
        found = sorted({*found, *_find_planted(text, title, story=story)})
    return tuple(found)


def _find_planted(text: str, title: str, *, story: str) -> Iterator[Span]:
    before = ""
    # What the whole text hasn't is looked for in no block.
    folded = fold(text)
    hints = _find_hints(text if folded == text else f"{text}\n{folded}", _HINTS + _HINTS_ELSEWHERE)
    signs = [sign for sign in _SIGN_HINTS if sign in text]
    is_announced = False  # what comes is what a turn or a sign has begun
    for block in find_blocks(text):
        said = text[block.start : block.end]
        # What most blocks are is told without their sentences, which take longer to find.
        forms = {said, folded[block.start : block.end]}
        may_be = any(_may_be_planted(form, hints, signs) for form in forms)
        if not (is_announced or len(said) > MAX_BLOCK_CHARACTERS or may_be):
            before = said[-8:]
            continue
        sentences = list(find_sentences(text, block))
        is_short = len(said) <= MAX_TURN_CHARACTERS
        is_alone = len(said) <= MAX_TASK_CHARACTERS and _is_out_of_place(text, block, sentences[0], title, story)
        is_planted = is_alone or (is_announced and is_short)
        for span in sentences:
            sentence = text[span.start : span.end]
            if is_planted or speaks_to_machine(sentence, before):
                yield span
                is_planted = is_planted or (is_short and span.start == block.start and _begins_turn(sentence))
                before = ""
            else:
                before = sentence
        is_announced = is_planted and (said.endswith(":") or re.fullmatch(_FENCE, said) is not None)


def _begins_turn(sentence: str) -> bool:
    """Whether a sentence that speaks to a machine says that what follows it does so too."""
    return bool(_SIGNS.search(sentence) or _END.match(sentence) or _TURN.match(sentence) or sentence.endswith(":"))


def _may_be_planted(block: str, hints: Collection[str], signs: Collection[str]) -> bool:
    is_short = len(block) <= MAX_TASK_CHARACTERS
    if (is_short and "?" in block) or _find_hints(block, hints) or _holds_sign(block, signs):
        return True
    if _find_hints(block, _REQUEST_HINTS) and _REQUEST.search(block):
        return True
    starts = [0, *(found.end() for found in _SENTENCE_END.finditer(block))]
    if any((":" in block and _TURN.match(block, start)) or _END.match(block, start) for start in starts):
        return True
    verbs = {_find_order(block, start) for start in starts}
    is_ordered = not (verbs.isdisjoint(_TASKS) and verbs.isdisjoint(_READERS))
    return is_ordered and bool(is_short or _ITS_OWN.search(block) or _ITS_FILES.search(block))


def _is_out_of_place(text: str, block: Span, first: Span, title: str, story: str) -> bool:
    """Whether a block is a task or a question that shares hardly a word with the title and the story around it.

    A label or a heading is none, and neither is what points at the story ("Was he right?").
    """
    said = _QUOTED.sub(" ", text[first.start : first.end])
    order = _find_order(said) in _TASKS
    if not order and not _ASKED.match(said):
        return False
    if said.startswith("#") or not _ENDED.search(text, block.end - 8, block.end) or _POINTING.search(said):
        return False
    stems = frozenset(find_stems(text[block.start : block.end]))
    if order:
        stems -= frozenset(find_stems(said.split(maxsplit=1)[0]))
    if len(stems) < MIN_TASK_STEMS:
        return False
    near = story[max(0, block.start - NEAR_CHARACTERS) : block.start] + story[block.end : block.end + NEAR_CHARACTERS]
    others = find_stems(f"{title} {near}")
    return len(others) >= MIN_NEAR_STEMS and len(stems.intersection(others)) <= MAX_SHARED * len(stems)
