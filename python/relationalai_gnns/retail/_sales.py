"""What the customers buy, when: visits, baskets, and the article of each line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._catalogue import GROUPS, Catalogue
from ._customers import SEGMENTS, Customers, tastes
from ._draw import ALL_DAYS, DAYS, START, WEEK, Booleans, Floats, Integers, power_law, stream

BASKET, LARGEST_BASKET = 3.4, 40
COMES_BACK, PAUSE = 6.0, 5.0  # visits in a row after one that begins a habit, days between them
FAVOURITE = 0.4  # of a customer's lines are from his favourite group
OFFERS, LOOKS_BACK = 3, 30  # earlier lines that a line may repeat, among so many before it
FORGETS = 400.0  # days after which a third of the habit is left
_WEEKDAY = (0.75, 0.75, 0.8, 0.85, 0.95, 1.0, 0.85)  # Monday first


@dataclass(frozen=True)
class Lines:
    """Purchase lines; each array has one entry a line."""

    day: npt.NDArray[np.uint16]
    customer: npt.NDArray[np.uint32]
    article: npt.NDArray[np.uint32]
    price: npt.NDArray[np.float32]
    channel: npt.NDArray[np.uint8]


class Shop:
    """Draws lines for customers. The same seed, catalogue and customers give the same lines, in whatever order they are asked for."""

    def __init__(self, seed: int, catalogue: Catalogue) -> None:
        """seed, catalogue: of the shop."""
        self._seed = seed
        self._catalogue = catalogue
        self._grouped = np.argsort(catalogue.group, kind="stable")
        self._sells = _sells(catalogue, self._grouped)
        self._first = np.searchsorted(catalogue.group[self._grouped], np.arange(len(GROUPS) + 1))
        self._open = _open()
        self._season = _season()
        wanted = tastes(seed)[:, None, :] * self._season  # (segments, days, groups)
        wanted = np.cumsum(wanted / wanted.sum(2, keepdims=True), 2).reshape(len(SEGMENTS) * ALL_DAYS, len(GROUPS))
        wanted[:, -1] = 1
        self._liked = (wanted + np.arange(len(wanted))[:, None]).ravel()  # ascending: row r lies in (r, r + 1]

    def draw(self, customers: list[Customers], wanted: int) -> list[Lines]:
        """A part for the customers of each part; of all lines at least `wanted`, and not many more, are in the days that are written."""
        spare = 1.02 + 10 / wanted**0.5
        while True:
            factor = self._visit_factor(customers, wanted * spare)
            parts = [self._lines(c, factor) for c in customers]
            if sum(int(np.count_nonzero(p.day < DAYS)) for p in parts) >= wanted:
                return parts
            spare *= 1.05

    def _visit_factor(self, customers: list[Customers], lines: float) -> float:
        """The factor on all rates that gives about so many lines in the days that are written."""
        follow = [1 + COMES_BACK * c.habit.astype(np.float64) for c in customers]
        by_rate = sum(float((f * c.rate * (c.left - c.joined)).sum()) for f, c in zip(follow, customers)) * float(self._open.mean())
        once = sum(float(f.sum()) for f in follow)
        return max(0.0, lines * ALL_DAYS / DAYS / BASKET - once) / by_rate

    def _lines(self, customers: Customers, factor: float) -> Lines:
        """All lines of these customers, by customer and day."""
        rng = stream(self._seed, 3, customers.first)
        who, day = self._visits(rng, customers, factor)
        basket = np.minimum(rng.geometric(1 / BASKET, len(who)), LARGEST_BASKET)
        who, day = np.repeat(who, basket), np.repeat(day, basket)
        group = self._groups(rng, customers, who, day)
        article = self._articles(rng, group, day)
        loyalty = np.array([s.loyalty for s in SEGMENTS])[customers.segment]
        article = article[_source_of(rng, who, group, day, loyalty)]
        price = self._catalogue.price[article]
        discounted = rng.random(len(who)) < np.where(_is_sale(day), 0.6, 0.2)
        price = price * np.where(discounted, rng.uniform(0.5, 0.9, len(who)), 1)
        channel = 1 + (rng.random(len(who)) < customers.online[who])
        return Lines(
            day.astype(np.uint16),
            (customers.first + who).astype(np.uint32),
            article.astype(np.uint32),
            price.astype(np.float32),
            channel.astype(np.uint8),
        )

    def _visits(self, rng: np.random.Generator, c: Customers, factor: float) -> tuple[Integers, Integers]:
        """Customer (position) and day of each visit, by customer and day. Everybody comes once."""
        spans = (c.left - c.joined).astype(np.float64)
        more = rng.poisson(factor * c.rate * spans)
        who = np.concatenate([np.arange(len(c)), np.repeat(np.arange(len(c)), more)])
        at = rng.random(len(who))
        fading = c.fading[who].astype(np.float64)
        thins = fading > 0  # density exp(-fading x) on 0..1, by its inverse distribution
        at[thins] = -np.log1p(at[thins] * np.expm1(-fading[thins])) / fading[thins]
        day = (c.joined[who] + at * spans[who]).astype(np.int64)
        stays: Booleans = rng.random(len(who)) < self._open[np.minimum(day, ALL_DAYS - 1)]
        stays[: len(c)] = True
        who, day = who[stays], day[stays]
        begins = np.flatnonzero(rng.random(len(who)) < c.habit[who])
        more = rng.geometric(1 / COMES_BACK, len(begins))
        pauses = np.cumsum(1 + rng.exponential(PAUSE - 1, int(more.sum())))
        before = np.repeat(np.concatenate([[0.0], pauses])[np.cumsum(more) - more], more)
        day = np.concatenate([day, np.repeat(day[begins], more) + np.ceil(pauses - before).astype(np.int64)])
        who = np.concatenate([who, np.repeat(who[begins], more)])
        who, day = who[day < ALL_DAYS], day[day < ALL_DAYS]
        order = np.lexsort((day, who))
        return who[order], day[order]

    def _groups(self, rng: np.random.Generator, c: Customers, who: Integers, day: Integers) -> Integers:
        """The garment group of each line: by the taste of the segment and the season, or the favourite one in its season."""
        row = c.segment[who].astype(np.int64) * ALL_DAYS + day
        group = np.searchsorted(self._liked, row + rng.random(len(who)), side="left") - row * len(GROUPS)
        group = group.clip(0, len(GROUPS) - 1)
        favourite = c.favourite[who].astype(np.int64)
        takes = rng.random(len(who)) < FAVOURITE * self._season[day, favourite]
        return np.where(takes, favourite, group)

    def _articles(self, rng: np.random.Generator, group: Integers, day: Integers) -> Integers:
        """An article of the group for each line, by how well each sells in that week."""
        week = day // WEEK * len(self._grouped)
        first, end = week + self._first[group], week + self._first[group + 1]
        low, high = self._sells[first], self._sells[end]
        found = np.searchsorted(self._sells, low + rng.random(len(day)) * (high - low), side="right") - 1
        return np.asarray(self._grouped[found.clip(first, end - 1) - week])


def _sells(catalogue: Catalogue, grouped: Integers) -> Floats:
    """(weeks * articles + 1) sums of how well the articles before sell, week by week, in the order of `grouped`."""
    age = WEEK * np.arange(-(-ALL_DAYS // WEEK))[:, None] - catalogue.launch[grouped]
    sells = np.where(age >= 0, catalogue.weight[grouped] * np.exp(-np.maximum(age, 0) / catalogue.life[grouped]), 0)
    return np.concatenate([[0.0], np.cumsum(sells)])


def _source_of(rng: np.random.Generator, who: Integers, group: Integers, day: Integers, loyalty: Floats) -> Integers:
    """For each line the line whose article it takes: its own, or an earlier one of the same customer.

    A line is offered some earlier ones, mostly of the last visits, and takes the first that Group.again of that one, the customer's
    loyalty and the days between allow. What is taken may have been taken from an earlier one itself, and so on back to a first.
    """
    again = np.array([g.again for g in GROUPS])
    offers = [_offer(rng, who, day, loyalty) for _ in range(OFFERS)]
    luck = rng.random(len(who))
    source: Integers = np.arange(len(who))
    for rows in _by_visit(who, day):  # a line depends on lines of earlier visits alone
        own = source[rows]
        refused = np.ones(len(rows))  # the chance that no offer was taken so far
        for offered, chance in offers:
            earlier = source[offered[rows]]
            refused = refused * (1 - chance[rows] * again[group[earlier]])
            source[rows] = np.where((source[rows] == own) & (luck[rows] > refused), earlier, source[rows])
    return source


def _by_visit(who: Integers, day: Integers) -> list[Integers]:
    """The lines of all customers' first visits, of their second ones, and so on."""
    first = np.concatenate([[True], who[1:] != who[:-1]])
    visit = np.cumsum(first | np.concatenate([[True], day[1:] != day[:-1]]))
    number = visit - visit[np.flatnonzero(first)][np.cumsum(first) - 1]
    order = np.argsort(number.astype(np.uint16), kind="stable")
    return np.split(order, np.cumsum(np.bincount(number))[:-1])


def _offer(rng: np.random.Generator, who: Integers, day: Integers, loyalty: Floats) -> tuple[Integers, Floats]:
    """For each line an earlier one, and how likely it is taken but for its group; 0 where it is none of this customer before this day."""
    own = np.arange(len(who))
    offered = own - 1 - power_law(rng, LOOKS_BACK, len(who), 1.0)
    possible = offered >= 0
    possible[possible] = (who[offered[possible]] == who[possible]) & (day[offered[possible]] < day[possible])
    offered = np.where(possible, offered, own)
    return offered, np.where(possible, loyalty[who] * np.exp(-(day - day[offered]) / FORGETS), 0).clip(0, 1)


def _day_of_year() -> Integers:
    days = START.astype("datetime64[D]") + np.arange(ALL_DAYS)
    return np.asarray((days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64))


def _is_sale(day: Integers) -> Booleans:
    of_year = _day_of_year()[day]
    return ((of_year < 25) | (of_year > 360)) | ((of_year > 172) & (of_year < 205))


def _open() -> Floats:
    """(days) how much of the visits that the rates give take place: by weekday, more before Christmas and in sales; at most 1."""
    weekday = (START.astype("datetime64[D]").astype(np.int64) + 3 + np.arange(ALL_DAYS)) % 7  # 1970-01-01 was a Thursday
    factor = np.array(_WEEKDAY)[weekday] * 0.75
    of_year = _day_of_year()
    factor[(of_year > 325) & (of_year < 358)] *= 1.3
    factor[_is_sale(np.arange(ALL_DAYS))] *= 1.15
    return np.asarray(factor.clip(0, 1))


def _season() -> Floats:
    """(days, groups) how well each group sells on each day, at most 1."""
    of_year = _day_of_year()[:, None]
    peak = np.array([g.season if g.season is not None else 0 for g in GROUPS])
    wave = 0.53 + 0.47 * np.cos(2 * np.pi * (of_year - peak) / 365)
    return np.where([g.season is not None for g in GROUPS], wave, 0.6)
