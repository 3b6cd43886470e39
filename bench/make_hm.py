#!/usr/bin/env python3
"""Makes retail data of the size and shape of the H&M data set (RelBench's rel-hm), for measuring speed: nothing in it is real.

    python bench/make_hm.py OUT [--scale 0.1] [--seed 7]

Scale 1: 1,371,980 customers x 7 columns, 105,542 articles x 25, 15,187,287 purchase lines x 5 over two years. OUT receives
db/*.parquet, tasks/churn/{train,validation,test}.parquet and the specification hm.yaml. Task churn: for the customers who
bought in the week up to t, whether they buy nothing in the week after t; 20 train weeks, one of validation, one of test. The
week behind the last label time is drawn too, and not written. The same arguments give the same bytes.

What it has in common with shops: a few articles sell most (power law), fashions come and go, customers differ in how often
they come, join and leave, return within days of a visit, buy several things at once and buy the same thing again.
"""
import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CUSTOMERS, ARTICLES, LINES = 1_371_980, 105_542, 15_187_287
START = np.datetime64("2018-09-20", "us")
DAYS, WEEK, TRAIN_WEEKS = 719, 7, 20  # days 0..718 are written, the last is 2020-09-07; one more week decides test labels
BASKET, RETURN_SHARE, AGAIN_SHARE = 3.4, 0.3, 0.15
SYLLABLES = [c + v for c in "b d f g h k l m n p r s t v z".split() for v in "aeiou"]
# Groups of articles: column stem -> (codes, first code, name column, id column). One draw a product or an article.
BY_PRODUCT = {"product_type": (132, 49, "product_type_name", "product_type_no"), "department": (299, 1201, "department_name", "department_no")}
BY_ARTICLE = {"graphical_appearance": (30, 1010001, "graphical_appearance_name", "graphical_appearance_no"),
              "colour_group": (50, 1, "colour_group_name", "colour_group_code")}
# Groups of groups: each code of the finer one belongs to one of the coarser.
COARSER = [("product_type", "product_group", 19, None, "product_group_name", None),
           ("colour_group", "perceived_colour_value", 8, 1, "perceived_colour_value_name", "perceived_colour_value_id"),
           ("colour_group", "perceived_colour_master", 20, 1, "perceived_colour_master_name", "perceived_colour_master_id"),
           ("department", "index", 10, None, "index_name", "index_code"),
           ("department", "section", 57, 2, "section_name", "section_no"),
           ("department", "garment_group", 21, 1001, "garment_group_name", "garment_group_no"),
           ("index", "index_group", 5, 1, "index_group_name", "index_group_no")]


def power_law(rng, n, size, exponent):
    """Draws from 0..n-1, where i has weight (i + 3) ** -exponent."""
    weights = np.cumsum((np.arange(n) + 3.0) ** -exponent)
    return np.searchsorted(weights, rng.random(size) * weights[-1])


def words(rng, count):
    """Distinct made-up words, the frequent ones first and short."""
    found = {}
    while len(found) < count:
        found["".join(rng.choice(SYLLABLES, 2 + len(found) * 2 // count))] = None
    return np.array(list(found), dtype=object)


def sentences(rng, vocabulary, count, shortest, longest):
    lengths = rng.integers(shortest, longest + 1, count)
    chosen = vocabulary[power_law(rng, len(vocabulary), int(lengths.sum()), 0.9)]
    return [" ".join(part) for part in np.split(chosen, np.cumsum(lengths)[:-1])]


def by_code(codes, names, missing=None):
    """A column that holds names[code] for each row, dictionary encoded, each name once in the dictionary."""
    distinct, position = np.unique(np.array([str(n) for n in names], dtype=object), return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(position[codes].astype(np.int32), mask=missing), pa.array(distinct))


def make_articles(rng, n):
    """The table of articles, and each article's garment group (customers have a taste for some)."""
    vocabulary = words(rng, 2500)
    products = max(1, n * 45 // 100)
    product = np.sort(np.concatenate([np.arange(products), power_law(rng, products, n - products, 0.6)]))
    code = {stem: power_law(rng, k, products, 0.9)[product] for stem, (k, *_) in BY_PRODUCT.items()}
    code |= {stem: power_law(rng, k, n, 1.2) for stem, (k, *_) in BY_ARTICLE.items()}
    layout = BY_PRODUCT | BY_ARTICLE
    for finer, stem, k, first, name_column, id_column in COARSER:
        code[stem] = rng.integers(0, k, int(code[finer].max()) + 1)[code[finer]]
        layout[stem] = (k, first, name_column, id_column)
    texts = np.array(sentences(rng, vocabulary, products, 12, 30), dtype=object)
    columns = {"article_id": pa.array(np.arange(n)), "product_code": pa.array(108775 + 7 * product),
               "prod_name": by_code(product, sentences(rng, vocabulary, products, 1, 3))}
    for stem, (k, first, name_column, id_column) in layout.items():
        if id_column and first is not None:
            columns[id_column] = pa.array(first + code[stem])
        elif id_column:
            columns[id_column] = by_code(code[stem], [chr(ord("A") + i) for i in range(k)])
        columns[name_column] = by_code(code[stem], rng.permutation(vocabulary)[:k])
    columns["detail_desc"] = by_code(product, texts, (rng.random(products) < 0.004)[product])
    return pa.table(columns), code["garment_group"]


def make_customers(rng, n):
    """The table of customers, and per customer: visits a day, first and last day, taste, share bought online."""
    age = np.where(rng.random(n) < 0.6, rng.normal(26, 5, n), rng.normal(50, 8, n)).clip(16, 99).astype(np.int64)
    visits = rng.lognormal(0, 1.25, n)
    joined = np.where(rng.random(n) < 0.45, 0, rng.uniform(0, DAYS + WEEK, n))
    stays = rng.exponential(np.where(rng.random(n) < 0.35, 60, 900), n)
    left = np.minimum(joined + 1 + stays, DAYS + WEEK)
    reads_news = rng.random(n) < 0.15 + 0.25 * (visits > 1) + 0.1 * (stays > 300)
    postal_codes = max(1, n // 4)
    ones = np.ones(n)
    table = pa.table({
        "customer_id": pa.array(np.arange(n)),
        "FN": pa.array(ones, mask=~reads_news),
        "Active": pa.array(ones, mask=~(reads_news & (rng.random(n) < 0.98))),
        "club_member_status": by_code(rng.choice(3, n, p=[0.93, 0.0697, 0.0003]), ["ACTIVE", "PRE-CREATE", "LEFT CLUB"], rng.random(n) < 0.004),
        "fashion_news_frequency": by_code(reads_news.astype(int), ["NONE", "Regularly"], rng.random(n) < 0.012),
        "age": pa.array(age, mask=rng.random(n) < 0.012),
        "postal_code": by_code(power_law(rng, postal_codes, n, 0.4), [f"{i * 2654435761 % 2**40:010x}" for i in range(postal_codes)]),
    })
    taste = (age // 7 + rng.integers(0, 5, n)) % 21
    return table, (visits, joined, left, taste, rng.beta(2, 0.9, n))


def draw_visits(rng, lines, visits, joined, left):
    """Customer and day of each visit, in order of customer and day; enough of them for the wanted number of lines."""
    weight = np.cumsum(visits * (left - joined))
    count = int(lines / BASKET / (1 + RETURN_SHARE) * (DAYS + WEEK) / DAYS * 1.08) + 10
    more = np.searchsorted(weight, rng.random(max(0, count - len(visits))) * weight[-1])
    who = np.concatenate([np.arange(len(visits)), more])  # everybody comes once
    count = len(who)
    day = joined[who] + rng.random(count) * (left - joined)[who]
    back = np.flatnonzero(rng.random(count) < RETURN_SHARE)
    who = np.concatenate([who, who[back]])
    day = np.concatenate([day, day[back] + 1 + rng.exponential(5, len(back))])
    inside = day < DAYS + WEEK
    who, day = who[inside], day[inside].astype(np.int64)
    order = np.lexsort((day, who))
    return who[order], day[order]


def choose_articles(rng, who, day, taste, garment_group):
    """The article of each line: what sells always, what is new, what suits the customer, or what he bought before."""
    n, lines = len(garment_group), len(who)
    way = rng.random(lines)
    article = rng.permutation(n)[power_law(rng, n, lines, 0.85)]
    new = np.flatnonzero(way < 0.35)  # 60 % of the articles are there from the start, the others come day by day
    known = (n * (0.6 + 0.4 * day[new] / (DAYS + WEEK))).astype(np.int64)
    article[new] = rng.permutation(n)[np.maximum(known - 1 - power_law(rng, n, len(new), 0.7), 0)]
    suits = np.flatnonzero(way > 0.7)
    grouped, first = np.argsort(garment_group, kind="stable"), np.searchsorted(np.sort(garment_group), np.arange(22))
    group = taste[who[suits]]
    width = first[group + 1] - first[group]
    article[suits] = grouped[np.minimum(first[group] + (width * rng.random(len(suits)) ** 2.5).astype(np.int64), n - 1)]
    earlier = np.arange(lines) - 1 - power_law(rng, 30, lines, 1.0)
    again = (earlier >= 0) & (rng.random(lines) < AGAIN_SHARE)
    again[again] = who[earlier[again]] == who[again]
    article[again] = article[earlier[again]]
    return article


def make_lines(rng, wanted, behaviour, garment_group):
    """Customer, day, article, price and channel of each line, by day; exactly `wanted` of them within the written days."""
    visits, joined, left, taste, online = behaviour
    who, day = draw_visits(rng, wanted, visits, joined, left)
    basket = np.minimum(rng.geometric(1 / BASKET, len(who)), 40)
    who, day = np.repeat(who, basket), np.repeat(day, basket)
    article = choose_articles(rng, who, day, taste, garment_group)
    written = np.flatnonzero(day < DAYS)
    if len(written) < wanted:
        raise SystemExit(f"make_hm: drew {len(written)} lines where {wanted} are wanted; try another --seed")
    keep = np.ones(len(who), bool)
    keep[rng.choice(written, len(written) - wanted, replace=False)] = False
    order = np.flatnonzero(keep)
    order = order[np.argsort(day[order], kind="stable")]
    who, day, article = who[order], day[order], article[order]
    price = rng.lognormal(-3.75, 0.55, len(garment_group)).clip(0.0017, 0.59)[article]
    price *= np.where(rng.random(len(who)) < 0.3, rng.uniform(0.5, 0.9, len(who)), 1)
    return who, day, article, price, 1 + (rng.random(len(who)) < online[who])


def timestamps(days):
    return pa.array(START + np.asarray(days) * np.timedelta64(86_400_000_000, "us"))


def churn_labels(who, day, customers, label_days):
    """Rows (timestamp, customer_id, churn) of the task for each of the days."""
    parts = []
    for t in label_days:
        before, now, after = np.searchsorted(day, [t - WEEK + 1, t + 1, t + 1 + WEEK])
        bought, next_week = np.zeros(customers, bool), np.zeros(customers, bool)
        bought[who[before:now]] = True
        next_week[who[now:after]] = True
        active = np.flatnonzero(bought)
        parts.append((np.full(len(active), t), active, (~next_week[active]).astype(np.int64)))
    days, customer, churn = (np.concatenate(column) for column in zip(*parts))
    return pa.table({"timestamp": timestamps(days), "customer_id": pa.array(customer), "churn": pa.array(churn)})


def write_table(path, table):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 20)
    print(f"{path.stem}: {table.num_rows:,} x {table.num_columns}")


def specification(articles):
    """hm.yaml: every dtype declared; codes and names of groups are categories, free text is text."""
    text = ("prod_name", "detail_desc")
    columns = "".join(f"      {c}: {'text' if c in text else 'category'}\n" for c in articles.column_names if c != "article_id")
    return f"""# H&M-shaped retail data, made by bench/make_hm.py: will a customer who bought this week buy nothing in the next?
dataset: hm
tables:
  customers:
    source: db/customers.parquet
    primary_key: customer_id
    columns: {{FN: float, Active: float, club_member_status: category, fashion_news_frequency: category, age: integer, postal_code: category}}
  articles:
    source: db/articles.parquet
    primary_key: article_id
    columns:
{columns}  transactions:
    source: db/transactions.parquet
    time_column: t_dat
    foreign_keys: {{customer_id: customers.customer_id, article_id: articles.article_id}}
    columns: {{t_dat: datetime, price: float, sales_channel_id: category}}
task:
  name: churn
  type: binary_classification
  entity: customers.customer_id
  target: churn
  time_column: timestamp
  horizon: 7d
  metric: roc_auc
  train: tasks/churn/train.parquet
  validation: tasks/churn/validation.parquet
  test: tasks/churn/test.parquet
config:
  preset: relbench
  seed: 42
output:
  database: predictions.duckdb
  table: predictions_churn
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    started = time.perf_counter()
    n_customers, n_articles, n_lines = (round(n * args.scale) for n in (CUSTOMERS, ARTICLES, LINES))
    if n_articles < 100:
        parser.error(f"--scale {args.scale} leaves {n_articles} articles; 0.001 is the least")
    streams = [np.random.Generator(np.random.PCG64([args.seed, i])) for i in range(3)]
    articles, garment_group = make_articles(streams[0], n_articles)
    customers, behaviour = make_customers(streams[1], n_customers)
    who, day, article, price, channel = make_lines(streams[2], n_lines, behaviour, garment_group)
    shown = day < DAYS
    write_table(args.out / "db/customers.parquet", customers)
    write_table(args.out / "db/articles.parquet", articles)
    write_table(args.out / "db/transactions.parquet", pa.table({
        "t_dat": timestamps(day[shown]), "customer_id": pa.array(who[shown]), "article_id": pa.array(article[shown]),
        "price": pa.array(price[shown]), "sales_channel_id": pa.array(channel[shown])}))
    last = DAYS - 1
    splits = {"train": [last - WEEK * k for k in range(TRAIN_WEEKS + 1, 1, -1)], "validation": [last - WEEK], "test": [last]}
    for split, days in splits.items():
        table = churn_labels(who, day, n_customers, days)
        write_table(args.out / f"tasks/churn/{split}.parquet", table)
        print(f"  {np.mean(table['churn'].to_numpy()):.3f} churn")
    (args.out / "hm.yaml").write_text(specification(articles))
    print(f"{args.out}/hm.yaml: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
