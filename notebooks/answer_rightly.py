"""Has a scripted model answer rightly and counts which of its statements are shown as supported.

    python notebooks/answer_rightly.py DOCUMENTS QUESTIONS [--statements 100] [--show 20]

DOCUMENTS are rows with "doc_id", "title" and "text", QUESTIONS rows with "question", "doc_ids" and "answer_spans"
(JSON Lines, gzipped or not); the first span of each is taken, in the first document. A server on loopback replies as an
honest model does, with the sentence that holds the answer and its right number, in several manners. For each manner
questions are taken in one order until so many statements were made. What is refused is printed with the reasons.

A question whose sentence wasn't found among the evidence says nothing about the check, and is counted by itself. Each
statement is true by how it is made; whose a pronoun is, where one was resolved, is a rule's guess.
"""

import argparse
import gzip
import json
import random
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from assistant import Article, Assistant
from assistant.evidence import neutralise
from assistant.sentences import split_sentences
from assistant.terms import find_names, find_numbers, find_words
from assistant.types import Span

# Articles ------------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A question, the answer's words, the sentence that holds them, and the ones before and after in its paragraph."""

    question: str
    answer: str
    sentence: str
    before: str
    after: str


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines, gzipped or not."""
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def find_case(row: dict[str, Any], texts: dict[str, str], sentences: dict[str, list[Span]]) -> Case | None:
    """Find the sentence that holds a question's answer; None where none does, or there is no answer."""
    spans, id = row.get("answer_spans") or [], (row.get("doc_ids") or [""])[0]
    if row.get("unanswerable") or not spans or id not in texts:
        return None
    text, start, end = texts[id], spans[0]["start"], spans[0]["end"]
    places = [i for i, span in enumerate(sentences[id]) if span.start <= start and end <= span.end]
    if not places:
        return None
    here = sentences[id][places[0]]

    def near(place: int) -> str:
        """Take the sentence at a place, unless a line ends between it and this one."""
        if not 0 <= place < len(sentences[id]):
            return ""
        span = sentences[id][place]
        gap = text[min(span.end, here.end) : max(span.start, here.start)]
        return "" if "\n" in gap else text[span.start : span.end]

    before, after = near(places[0] - 1), near(places[0] + 1)
    return Case(row["question"].strip(), text[start:end], text[here.start : here.end], before, after)


# Manners -------------------------------------------------------------------------------------------------------------


class Reply(NamedTuple):
    """A statement, without its full stop, and the sentences that prove it."""

    text: str
    cited: tuple[str, ...]


_TIME = (
    r"\d{3,4}|centur|January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday"
    r"|Wednesday|Thursday|Friday|Saturday|Sunday|year|month|week|decade|time|war|period|era"
)
_DATED = rf"(?:In|On|By|During|Since|Until|After|Before|At|From) (?=[^,]*(?:{_TIME}))[^,]{{2,60}}"
_OPENING = re.compile(rf"\A(?:According to [^,]{{2,80}}|{_DATED}), (?=\w)")
_PRONOUN = re.compile(r"\A(?:He|She|It|They) (?=\w)")
_VERB = r"(?:is|was|are|were|has|had|have|became|made|began|took|won|wrote|said|used|led|gave|held|served|founded)\b"
_SUBJECT = re.compile(rf"\A((?:The |A |An )?[A-Z][\w'’-]*(?: (?:(?:of|the|de|von|van) )*[A-Z][\w'’-]*)*) (?={_VERB})")
_PLURAL = re.compile(r"s\Z")
_PARTICIPLE = r"(?P<verb>\w{2,}(?:ed|en)|born|built|held|made|found|begun|won|sent|sold|put|led|lost|known|written)"
_HANGING = re.compile(r" (?:at|by|for|from|in|of|on|to|with)\Z")
_FUNCTION_WORD = re.compile(
    r"\A(?:The|A|An|In|On|At|It|He|She|They|This|That|These|Those|Its|His|Her|Their|As|By|For|From|With|There|Some|Many"
    r"|Most|One|When|While|After|Before|During|Since|Under)\b"
)


def _end(sentence: str) -> str | None:
    """Take the full stop off a sentence; None where it ends in anything else."""
    return sentence[:-1] if re.search(r"[\w)%]\.\Z", sentence) else None


def say_verbatim(case: Case) -> Reply | None:
    """Repeat the sentence."""
    text = _end(case.sentence)
    return Reply(text, (case.sentence,)) if text else None


def leave_out_opening(case: Case) -> Reply | None:
    """Leave out the clause of attribution or time that the sentence opens with, where the answer isn't in it."""
    opening, text = _OPENING.match(case.sentence), _end(case.sentence)
    if not opening or not text or case.answer not in text[opening.end() :]:
        return None
    rest = text[opening.end() :]
    return Reply(rest[0].upper() + rest[1:], (case.sentence,))


def resolve_pronoun(case: Case) -> Reply | None:
    """Put the subject of the sentence before in the place of the pronoun that the sentence begins with."""
    pronoun, subject, text = _PRONOUN.match(case.sentence), _SUBJECT.match(case.before), _end(case.sentence)
    if not pronoun or not subject or not text:
        return None
    if (pronoun.group() == "They ") != bool(_PLURAL.search(subject[1])):
        return None
    return Reply(f"{subject[1]} {text[pronoun.end() :]}", (case.sentence,))


def join_two(case: Case) -> Reply | None:
    """Join the sentence and the next one with "and"."""
    first, second = _end(case.sentence), _end(case.after)
    if not first or not second or '"' in first + second or len((first + second).split()) > 70:
        return None
    if _FUNCTION_WORD.match(second):
        second = second[0].lower() + second[1:]
    return Reply(f"{first}, and {second}", (case.sentence, case.after))


def answer_in_words_of_question(case: Case) -> Reply | None:
    """Put the answer in the place of the question's word, where that takes no more than moving a verb.

    A question that names what neither the sentence nor the one before it does is left out.
    """
    question, answer = " ".join(case.question.rstrip("? ").split()), case.answer.strip(" .,")
    in_place = answer if re.match(r"(?:in|on|at|by|during|between|from|near)\b", answer) else f"in {answer}"
    statement = None
    if match := re.match(r"Who (?!did|does|do|else)(?P<rest>\w+ .+)", question):
        statement = f"{answer} {match['rest']}"
    elif match := re.match(r"What (?P<verb>is|was|are|were) (?P<rest>the .+)", question):
        statement = f"{match['rest']} {match['verb']} {answer}"
    elif match := re.match(
        rf"(?:When|Where|In what \w+|In which \w+) (?P<be>is|was|are|were) (?P<rest>.+) {_PARTICIPLE}\Z", question
    ):
        statement = f"{match['rest']} {match['be']} {match['verb']} {in_place}"
    elif match := re.match(r"How many (?P<rest>(?!.*\b(?:did|does|do|there)\b)\w+ .+)", question):
        statement = f"{answer} {match['rest']}" if re.match(r"[\d,.]+\Z", answer) else None
    if statement is None or _HANGING.search(question):
        return None
    # Whom and which year it speaks of may stand in the sentence before, which is cited with it then.
    said = {word for name in (*find_names(question), *find_numbers(question)) for word in find_words(name)}
    lacking = said - set(find_words(case.sentence))
    if lacking - set(find_words(case.before)):
        return None
    cited = (case.before, case.sentence) if lacking else (case.sentence,)
    return Reply(statement[0].upper() + statement[1:], cited)


MANNERS: dict[str, Callable[[Case], Reply | None]] = {
    "verbatim": say_verbatim,
    "without its opening": leave_out_opening,
    "pronoun resolved": resolve_pronoun,
    "two joined": join_two,
    "in the question's words": answer_in_words_of_question,
}


# The model -----------------------------------------------------------------------------------------------------------


@dataclass
class HonestModel:
    """What the server says next, and what it was told was wrong with it."""

    base_url: str = ""
    reply: Reply = field(default_factory=lambda: Reply("", ()))
    is_shown: bool = False
    reasons: str = ""

    def answer(self, messages: list[dict[str, str]]) -> str:
        """Reply with the statement and its numbers; asked for a repair, note why, and let it be."""
        if len(messages) > 2:
            refused = re.search(r"^1: .* \((.*)\)$", messages[-1]["content"], re.MULTILINE)
            self.reasons = refused[1] if refused else "?"
            return "1: NONE"
        shown = dict(re.findall(r"^(.*) \[(\d+)\]$", messages[-1]["content"], re.MULTILINE))
        numbers = [shown.get(neutralise(sentence)) for sentence in self.reply.cited]
        self.is_shown = None not in numbers
        return f"{self.reply.text} {''.join(f'[{number}]' for number in numbers)}." if self.is_shown else "None."


@contextmanager
def serve() -> Iterator[HonestModel]:
    """Run a server that speaks OpenAI's protocol, on loopback, until the block ends."""
    model = HonestModel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            delta = {"role": "assistant", "content": model.answer(request["messages"])}
            choice = {"index": 0, "delta": delta, "finish_reason": "stop"}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "honest", "choices": [choice]}
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Measuring -----------------------------------------------------------------------------------------------------------


@dataclass
class Count:
    """What became of the statements of one manner."""

    asked: int = 0
    lost: int = 0
    shown: int = 0
    refused: list[tuple[Case, Reply, str]] = field(default_factory=list)


def measure(assistant: Assistant, model: HonestModel, cases: list[Case], limit: int) -> dict[str, Count]:
    """Have each manner answer `limit` questions, and count by manner."""
    counts = {manner: Count() for manner in MANNERS}
    for manner, make in MANNERS.items():
        count = counts[manner]
        for case in cases:
            reply = make(case)
            if reply is None or count.asked - count.lost == limit:
                continue
            model.reply, model.is_shown, model.reasons = reply, False, ""
            answer = assistant.ask(case.question)
            count.asked += 1
            if not model.is_shown:
                count.lost += 1
            elif answer.statements and all(statement.support.supported for statement in answer.statements):
                count.shown += 1
            else:
                count.refused.append((case, reply, model.reasons))
    return counts


def main() -> None:
    """Index, ask and print what share was shown, by manner, and what was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--statements", type=int, default=100, help="of each manner")
    parser.add_argument("--show", type=int, default=20, help="print so many of each manner that are refused")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    articles = [Article(row["doc_id"], row["title"], row["text"]) for row in read_rows(options.documents)]
    texts = {article.id: article.text for article in articles}
    sentences = {id: split_sentences(text) for id, text in texts.items()}
    cases = [case for row in read_rows(options.questions) if (case := find_case(row, texts, sentences))]
    random.Random(options.seed).shuffle(cases)  # noqa: S311 - the same questions every time
    with tempfile.TemporaryDirectory() as folder, serve() as model:
        settings = {"model": "openai:honest", "base_url": model.base_url, "keep_replies": False}
        with Assistant.open(Path(folder) / "index", **settings) as assistant:
            assistant.add(articles)
            counts = measure(assistant, model, cases, options.statements)
    for manner, count in counts.items():
        for case, reply, reasons in count.refused[: options.show]:
            print(f"{manner}: {reasons}\n  {case.question}\n  said:  {reply.text}\n  cited: {' '.join(reply.cited)}")  # noqa: T201
    print(f"{'':26}{'asked':>7}{'not found':>11}{'shown':>7}{'refused':>9}{'share':>8}")  # noqa: T201
    counts["all"] = Count(*(sum(getattr(c, name) for c in counts.values()) for name in ("asked", "lost", "shown")))
    for manner, count in counts.items():
        made = count.asked - count.lost
        share = count.shown / made if made else float("nan")
        print(f"{manner:26}{count.asked:7}{count.lost:11}{count.shown:7}{made - count.shown:9}{share:8.1%}")  # noqa: T201


if __name__ == "__main__":
    main()
