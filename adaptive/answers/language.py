"""Words by which the language of an answer is recognised: yes and no, and what the comma means in a number."""

from __future__ import annotations

import re

_COMMA_WORDS = """der die das ist sind und wie viele lautet ergibt kostet kosten beträgt es le les est sont un une
combien font coûte coûtent la el los las son cuánto cuál il lo è sono quanto quale fa o os é são quantos de het een
zijn hoeveel är och hur er hvor jest ile wynosi je kolik jak sunt câți on kuinka"""
_ENGLISH_WORDS = "the is are of and what how many much that has have so there it was to"
_YES_WORDS = """yes true correct yeah yep ja oui sí si sim sì да так tak ano igen evet ya vâng có ναι はい 是 是的
对 對 네 예 نعم हाँ כן doğru richtig wahr vrai verdadero vero verdadeiro правда верно"""
_NO_WORDS = """no false incorrect nope nein non não nee nej nei нет ні nie ne nem hayır tidak không όχι いいえ
不是 不 否 아니요 아니오 لا नहीं לא falsch faux falso неверно ложь"""

_COMMA, _ENGLISH = frozenset(_COMMA_WORDS.split()), frozenset(_ENGLISH_WORDS.split())
_YES, _NO = frozenset(_YES_WORDS.split()), frozenset(_NO_WORDS.split())
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")


def uses_decimal_comma(text: str) -> bool:
    """Whether the words of a text are of a language that writes 1,5 for one and a half."""
    if _CYRILLIC.search(text):
        return True
    words = _WORD.findall(text[:2000].casefold())
    return sum(word in _COMMA for word in words) > sum(word in _ENGLISH for word in words)


def parse_polarity(text: str) -> bool | None:
    """Return whether a word means yes or no, in any of some languages; None if it means neither."""
    word = text.casefold().strip(" .,!:;\"'*_`。！，،")
    return True if word in _YES else False if word in _NO else None
