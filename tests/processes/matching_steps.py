"""How many steps a backtracking matcher takes for a pattern and a text, counted without a clock.

It walks the tree that `re` itself parses, tries what `re` tries in the same order, and takes no shortcut.
"""

import re
from functools import cache
from re import _constants as codes
from re import _parser as parser

_CATEGORIES = {
    codes.CATEGORY_DIGIT: str.isdecimal,
    codes.CATEGORY_NOT_DIGIT: lambda c: not c.isdecimal(),
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
    codes.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    codes.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
}


_SAMPLES = "aA0 \t\n'\"\\=.-/$[(;_"


class TooManyStepsError(Exception):
    """The matcher gave up."""


@cache
def tree_of(text, flags):
    """The tree of a pattern, of lists alone; that of a look-around has its width with it."""
    return _lists(parser.parse(text.decode("latin-1") if isinstance(text, bytes) else text, flags & ~re.UNICODE))


def _lists(tree):
    return [(code, _argument(code, argument)) for code, argument in tree]


def _argument(code, argument):
    match code:
        case codes.BRANCH:
            return None, [_lists(branch) for branch in argument[1]]
        case codes.SUBPATTERN:
            return (*argument[:3], _lists(argument[3]))
        case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
            return (*argument[:2], _lists(argument[2]))
        case codes.ASSERT | codes.ASSERT_NOT:
            return argument[0], _lists(argument[1]), argument[1].getwidth()[0]
        case codes.ATOMIC_GROUP:
            return _lists(argument)
        case codes.IN:
            return tuple(argument)
        case _:
            return argument


class Matcher:
    """Matches one pattern; `steps` are those taken so far."""

    def __init__(self, pattern: re.Pattern, most_steps: int) -> None:
        self.tree = tree_of(pattern.pattern, pattern.flags)
        self.ignores_case = bool(pattern.flags & re.IGNORECASE)
        self.is_multiline = bool(pattern.flags & re.MULTILINE)
        self.is_dotall = bool(pattern.flags & re.DOTALL)
        self.most_steps = most_steps
        self.steps = 0

    def search_all(self, text: str, *, anchored: bool) -> int:
        """The steps to find every match, or, anchored, one at the beginning."""
        self.text = text
        place = 0
        while place <= len(text):
            end = next(self.sequence(self.tree, place, {}), None)
            if anchored:
                break
            place = place + 1 if end is None or end == place else end
        return self.steps

    def sequence(self, items, place, groups):
        if not items:
            yield place
            return
        for end in self.item(items[0], place, groups):
            yield from self.sequence(items[1:], end, groups)

    def item(self, item, place, groups):  # noqa: C901 - one case an operation
        self.steps += 1
        if self.steps > self.most_steps:
            raise TooManyStepsError
        code, argument = item
        match code:
            case codes.LITERAL | codes.NOT_LITERAL | codes.ANY | codes.IN:
                if place < len(self.text) and self.fits(code, argument, self.text[place]):
                    yield place + 1
            case codes.BRANCH:
                for branch in argument[1]:
                    yield from self.sequence(branch, place, groups)
            case codes.SUBPATTERN:
                number, _, _, inner = argument
                for end in self.sequence(inner, place, groups):
                    groups[number] = self.text[place:end]
                    yield end
            case codes.MAX_REPEAT | codes.MIN_REPEAT:
                low, high, inner = argument
                yield from self.repeat(inner, low, high, place, groups, lazy=code is codes.MIN_REPEAT)
            case codes.POSSESSIVE_REPEAT:
                low, high, inner = argument
                ends = self.repeat(inner, low, high, place, groups, lazy=False)
                yield from self.first(ends)
            case codes.ATOMIC_GROUP:
                yield from self.first(self.sequence(argument, place, groups))
            case codes.ASSERT | codes.ASSERT_NOT:
                direction, inner, width = argument
                start = place if direction > 0 else place - width
                found = start >= 0 and next(self.sequence(inner, start, groups), None) is not None
                if found is (code is codes.ASSERT):
                    yield place
            case codes.AT:
                if self.at(argument, place):
                    yield place
            case codes.GROUPREF:
                if self.text.startswith(groups.get(argument, ""), place):
                    yield place + len(groups.get(argument, ""))
            case _:
                raise NotImplementedError(code)

    def repeat(self, inner, low, high, place, groups, *, lazy):
        """The ends of so many repetitions, in the order in which they are tried; a single character goes in a loop."""
        if len(inner) == 1 and inner[0][0] in {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN}:
            end = place
            while end - place < high and end < len(self.text) and self.fits(*inner[0], self.text[end]):
                self.steps += 1
                end += 1
            if end - place >= low:
                ends = range(place + low, end + 1)
                for each in ends if lazy else reversed(ends):
                    self.steps += 1
                    yield each
            return
        if low <= 0 and lazy:
            yield place
        if high > 0:
            for end in self.sequence(inner, place, groups):
                if end > place or low > 0:
                    yield from self.repeat(inner, low - 1, high - 1, end, groups, lazy=lazy)
        if low <= 0 and not lazy:
            yield place

    @staticmethod
    def first(ends):
        end = next(ends, None)
        if end is not None:
            yield end

    def fits(self, code, argument, character):
        match code:
            case codes.LITERAL:
                return character == chr(argument) or (self.ignores_case and character.lower() == chr(argument).lower())
            case codes.NOT_LITERAL:
                return character != chr(argument)
            case codes.ANY:
                return self.is_dotall or character != "\n"
            case _:
                return in_class(argument, character, self.ignores_case)

    def at(self, what, place):
        text = self.text
        match what:
            case codes.AT_BEGINNING:
                return place == 0 or (self.is_multiline and text[place - 1] == "\n")
            case codes.AT_BEGINNING_STRING:
                return place == 0
            case codes.AT_END:
                return place >= len(text) - 1 or (self.is_multiline and text[place] == "\n")
            case codes.AT_END_STRING:
                return place == len(text)
            case _:
                is_word = _CATEGORIES[codes.CATEGORY_WORD]
                before = place > 0 and is_word(text[place - 1])
                after = place < len(text) and is_word(text[place])
                return (before != after) is (what is codes.AT_BOUNDARY)


@cache
def in_class(parts, character, ignores_case):
    """Whether a class of characters has this one."""
    is_negated = parts[0][0] is codes.NEGATE
    ways = {character, character.lower(), character.upper()} if ignores_case else {character}
    found = any(in_part(part, way) for part in parts for way in ways if len(way) == 1)
    return found is not is_negated


def in_part(part, character):
    code, argument = part
    match code:
        case codes.NEGATE:
            return False
        case codes.LITERAL:
            return ord(character) == argument
        case codes.RANGE:
            return argument[0] <= ord(character) <= argument[1]
        case _:
            return _CATEGORIES[argument](character)


def pieces(pattern: re.Pattern) -> list[str]:
    """Short texts that parts of the pattern match, one for each literal, class and word in it."""
    matcher = Matcher(pattern, 0)
    return list(dict.fromkeys(_pieces(matcher, matcher.tree)))


def _pieces(matcher, tree):
    word = ""
    for code, argument in tree:
        if code is codes.LITERAL:
            word += chr(argument)
            yield chr(argument)
            continue
        if word:
            yield word
            word = ""
        if code in {codes.IN, codes.ANY, codes.NOT_LITERAL}:
            yield from (sample for sample in _SAMPLES if matcher.fits(code, argument, sample))
        else:
            for inner in _inside(code, argument):
                yield from _pieces(matcher, inner)
    if word:
        yield word


def _inside(code, argument):
    """The parts of an operation that are trees themselves."""
    match code:
        case codes.BRANCH:
            return argument[1]
        case codes.SUBPATTERN:
            return [argument[3]]
        case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
            return [argument[2]]
        case codes.ASSERT | codes.ASSERT_NOT:
            return [argument[1]]
        case codes.ATOMIC_GROUP:
            return [argument]
        case _:
            return []
