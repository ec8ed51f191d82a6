"""The answer that a reply marks as such: after "####", "Answer:", "The answer is", in many languages."""

from __future__ import annotations

import re

MOST_MARKS = 20
"""How many marks are read, from the last one back."""
LONGEST_LINE = 2000
"""How many characters after a mark are read."""

_COPULA = (
    "(?:is|are|was|would be|should be|must be|be|est|ist|lautet|es|é|è|är|er|jest|to|je|on|είναι|este|adalah|là|"
    "هي|هو)"
)
_LATIN = (
    "(?:answers?|solution|réponse(?: finale)?|reponse|antwort|endergebnis|ergebnis|lösung|"
    "respuesta(?: final| correcta)?|resposta(?: final| correta)?|risposta(?: finale| corretta)?|antwoord|"
    "svar(?:et)?|odpowied[źz]|odpověď|ответ|відповідь|cevap|jawaban|jawapan|đáp án|vastaus|απάντηση|válasz|"
    "răspuns(?:ul)?|الإجابة|الاجابة|الجواب|תשובה|پاسخ)"
)
_DECORATION = r"[*_`# \t]{0,6}"
_MARK = re.compile(
    rf"(?P<solution>####)"
    rf"|(?<![^\W_]){_LATIN}(?: (?:to|for|of) [^.:=\n]{{1,80}}?)?{_DECORATION}"
    rf"(?:[:：=]{_DECORATION}|(?: {_COPULA}(?![^\W_]){_DECORATION}[:：]?)|[—–-] |$)"
    r"|(?:答案|答え|解答|答|정답|답|उत्तर|คำตอบ)(?:应该)?(?:是|为|為|は|은|는|이|คือ)?[ *_]{0,4}[:：]?"
    r"(?<=[是为為は은는คือ*:： ])",
    re.IGNORECASE | re.MULTILINE,
)
_CLAUSE_END = re.compile(
    r"(?<=\S)(?:[。！]|[.!?](?=\s|[*_]|$)|[;；](?=\s)|"
    r",? (?:because|since|as|which|where|so|when|not|rather|but|and not|weil|da|car|porque|perché) |"
    r", (?=[a-z]{2,} )| \((?=[a-z]{3,}[ )])|[,，](?=[^\W\d_a-zA-Z]))",
    re.IGNORECASE,
)
_EDGES = ' \t*_`#>"“”'


def find_marked(text: str) -> tuple[str | None, int]:
    """Return what follows the last mark of a final answer in a text, and the place of the mark.

    It is the rest of the line, or the next line if that is empty, and only its first sentence unless "####" stands
    before it. A mark with nothing after it is none.
    """
    for mark in reversed(list(_MARK.finditer(text))[-MOST_MARKS:]):
        if content := _read_content(text, mark.end(), whole=bool(mark["solution"])):
            return content, mark.start()
    return None, 0


def trim_clause(text: str) -> str:
    """Return the beginning of a text, up to where its first statement ends, without decoration."""
    text = text.strip().lstrip(_EDGES + ":：=")
    end = _CLAUSE_END.search(text)
    return (text[: end.start()] if end else text).strip(_EDGES + ".,;:：")


def _read_content(text: str, start: int, *, whole: bool) -> str:
    for line in _list_lines(text, start):
        if line.strip(_EDGES + ":：=-."):
            return line.strip(_EDGES + ":：=").rstrip(".") if whole else trim_clause(line)
    return ""


def _list_lines(text: str, start: int) -> list[str]:
    """Return the rest of the line, and the next line that is not empty."""
    rest, _, after = text[start : start + LONGEST_LINE].partition("\n")
    return [rest, after.lstrip().partition("\n")[0]]
