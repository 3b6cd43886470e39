"""The articles of the shop: what they are called, how well they sell, from when on and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]

from ._draw import ALL_DAYS, Booleans, Floats, Integers, by_code, power_law, sentences, stream, words


class Group(NamedTuple):
    """A garment group.

    again: the chance that who buys from it again takes the article he took before.
    season: the day of the year at which it sells best; None: it has no season.
    """

    name: str
    again: float
    season: Optional[int]
    place: str


GROUPS = (
    Group("Socks", 0.9, None, "Feet"),
    Group("Underwear", 0.9, None, "Under"),
    Group("Tights", 0.85, 340, "Feet"),
    Group("Basic Tops", 0.85, None, "Upper body"),
    Group("Basic Trousers", 0.8, None, "Lower body"),
    Group("Baby Basics", 0.85, None, "Full body"),
    Group("Nightwear", 0.3, 350, "Under"),
    Group("Sportswear", 0.25, 15, "Upper body"),
    Group("Denim", 0.2, None, "Lower body"),
    Group("Shirts", 0.15, None, "Upper body"),
    Group("Knitwear", 0.03, 330, "Upper body"),
    Group("Outerwear", 0.01, 310, "Upper body"),
    Group("Swimwear", 0.02, 170, "Under"),
    Group("Shorts", 0.03, 180, "Lower body"),
    Group("Dresses", 0.02, 150, "Full body"),
    Group("Skirts", 0.03, 140, "Lower body"),
    Group("Blouses", 0.05, None, "Upper body"),
    Group("Party Wear", 0.01, 350, "Full body"),
    Group("Shoes", 0.03, None, "Feet"),
    Group("Accessories", 0.1, None, "Other"),
    Group("Kids", 0.1, 230, "Full body"),
)
_ADJECTIVES = "Plain Slim Wide Long Short Soft Printed".split()
_SHADES = ("", "Light ", "Dark ", "Bright ", "Pale ")
_COLOURS = "Black White Blue Grey Red Green Beige Pink Yellow Brown".split()
_APPEARANCES = ("Solid", "Stripe", "Print", "Denim", "Melange", "Check", "Dot", "Lace", "Glitter", "Knit")
_SECTIONS = ("Women", "Men", "Kids", "Baby", "Sport")


@dataclass(frozen=True)
class Catalogue:
    """The articles; each array has one entry an article.

    Attributes:
        table: as it is written.
        group: position in GROUPS.
        weight: how often it is taken, beside others of its group.
        launch: the day from which on it sells; negative where it sold before.
        life: days after which its sales have fallen to a third; infinite for basics.
        price: before discounts.
    """

    table: pa.Table
    group: Integers
    weight: Floats
    launch: Integers
    life: Floats
    price: Floats


def make_catalogue(seed: int, n: int) -> Catalogue:
    """A shop of n articles."""
    rng = stream(seed, 0)
    products = max(len(GROUPS), n * 45 // 100)
    product_group = np.concatenate([np.arange(len(GROUPS)), rng.integers(0, len(GROUPS), products - len(GROUPS))])
    product = np.sort(np.concatenate([np.arange(products), power_law(rng, products, n - products, 0.6)]))
    group = product_group[product]
    again = np.array([g.again for g in GROUPS])[group]
    basic = rng.random(n) < 0.15 + again
    basic[np.unique(group, return_index=True)[1]] = True  # each group has something at any time
    launch = np.where(rng.random(n) < 0.6, rng.integers(-200, 1, n), rng.integers(1, ALL_DAYS, n))
    launch = np.where(basic & (launch > 0) & (rng.random(n) < 0.5), 0, launch)
    launch[np.unique(group, return_index=True)[1]] = 0
    life = np.where(basic, np.inf, 30 + rng.exponential(60, n))
    weight = np.empty(n)
    weight[rng.permutation(n)] = (np.arange(n) + n / 100) ** -0.8
    weight *= np.where(basic, 1, 3)
    price = (rng.lognormal(-3.75, 0.45, products)[product] * rng.lognormal(0, 0.15, n)).clip(0.0017, 0.59)
    return Catalogue(_table(rng, n, products, product, product_group), group, weight, launch, life, price)


def _table(rng: np.random.Generator, n: int, products: int, product: Integers, product_group: Integers) -> pa.Table:
    """The 25 columns of the original."""
    vocabulary = words(rng, 2500)
    kind = product_group * len(_ADJECTIVES) + power_law(rng, len(_ADJECTIVES), products, 0.9)
    department = product_group * 14 + power_law(rng, 14, products, 0.9)
    section = np.where(product_group == 20, 2, np.where(product_group == 5, 3, rng.choice([0, 1, 4], len(GROUPS) * 14)[department]))
    part = section * 11 + department % 11
    shade, colour, look = power_law(rng, 5, n, 1.2), power_law(rng, 10, n, 1.2), power_law(rng, 30, n, 1.2)
    no_text: Booleans = (rng.random(products) < 0.004)[product]
    places = sorted({g.place for g in GROUPS})
    place = [places.index(g.place) for g in GROUPS]
    names = [g.name for g in GROUPS]
    letters = [chr(ord("A") + i) for i in range(10)]
    index = section * 2 + department % 2
    return pa.table(
        {
            "article_id": pa.array(np.arange(n)),
            "product_code": pa.array(108775 + 7 * product),
            "prod_name": by_code(product, [s.title() for s in sentences(rng, vocabulary, products, 1, 3)]),
            "product_type_no": pa.array(49 + kind[product]),
            "product_type_name": by_code(kind[product], [f"{a} {g}" for g in names for a in _ADJECTIVES]),
            "product_group_name": by_code(np.array(place)[product_group[product]], places),
            "graphical_appearance_no": pa.array(1010001 + look),
            "graphical_appearance_name": by_code(look, [f"{a}{i or ''}" for i in ("", " 2", " 3") for a in _APPEARANCES]),
            "colour_group_code": pa.array(1 + colour * 5 + shade),
            "colour_group_name": by_code(colour * 5 + shade, [s + c for c in _COLOURS for s in _SHADES]),
            "perceived_colour_value_id": pa.array(1 + shade),
            "perceived_colour_value_name": by_code(shade, [s.strip() or "Medium" for s in _SHADES]),
            "perceived_colour_master_id": pa.array(1 + colour),
            "perceived_colour_master_name": by_code(colour, _COLOURS),
            "department_no": pa.array(1201 + department[product]),
            "department_name": by_code(department[product], [f"{g} {i + 1}" for g in names for i in range(14)]),
            "index_code": by_code(index[product], letters),
            "index_name": by_code(index[product], [f"{s} {i}" for s in _SECTIONS for i in ("Everyday", "Selected")]),
            "index_group_no": pa.array(1 + section[product]),
            "index_group_name": by_code(section[product], _SECTIONS),
            "section_no": pa.array(2 + part[product]),
            "section_name": by_code(part[product], [f"{s} {i + 1}" for s in _SECTIONS for i in range(11)]),
            "garment_group_no": pa.array(1001 + product_group[product]),
            "garment_group_name": by_code(product_group[product], names),
            "detail_desc": by_code(product, [s.capitalize() + "." for s in sentences(rng, vocabulary, products, 12, 30)], no_text),
        }
    )
