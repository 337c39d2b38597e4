"""bench-topics: how well topics are learned, proposed and matched to articles, and at what cost."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_mutual_info_score, roc_auc_score

from digital_cs.topics.model import TopicModel
from digital_cs.topics.proposals import propose
from tests.bench.topic_matching import matching
from tests.bench.topic_sets import (
    SAMPLES,
    Labelled,
    QuestionSet,
    agents_guidelines,
    handbook,
    knowledge_base,
    labelled,
    question_set,
    topics_as_articles,
)

TEST = os.environ.get("BENCH_TOPICS_TEST", "")
"""A CSV file (text, category) that was kept back: learned from all of banking77, tried on it."""
QUESTIONS = os.environ.get("BENCH_TOPICS_QUESTIONS", "")
"""Folders that were kept back, each with articles.csv and questions.csv (see topic_sets)."""
FOLDS = int(os.environ.get("BENCH_TOPICS_FOLDS", "5"))
MANY = int(os.environ.get("BENCH_TOPICS_MANY", "0"))
"""So many texts, made of halves of two others, are grouped to see time and memory. 0: left out."""

LONG = 2_000
"""Characters of the long ones among them."""

GOAL = 0.89
STRANGE = 5
"""Every fifth topic is kept from learning, to see how often its texts are said to be of none."""

Figures = dict[str, Any]


def assigning(learned: Sequence[Labelled], tried: Sequence[Labelled]) -> Figures:
    """How often texts get the topic they have, after learning from others."""
    start = time.perf_counter()
    model = TopicModel.learn(learned)
    seconds = time.perf_counter() - start
    found = model.assign_all([text for text, _ in tried])
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for one, (_, topic) in zip(found, tried, strict=True):
        of[topic] += 1
        right[topic] += one.topic == topic
    worst = min(of, key=lambda topic: (right[topic] / of[topic], topic))
    pairs = list(zip(found, tried, strict=True))
    return {
        "texts": len(tried),
        "accuracy": sum(right.values()) / len(tried),
        "accuracy_nearest": sum(one.nearest == topic for one, (_, topic) in pairs) / len(tried),
        "mean_of_topics": float(np.mean([right[topic] / of[topic] for topic in of])),
        "worst_topic": worst,
        "worst": right[worst] / of[worst],
        "none": sum(one.topic is None for one in found) / len(tried),
        "seconds_to_learn": seconds,
        "model_mb": len(model.to_bytes()) / 1e6,
    }


def cross_validated(rows: Sequence[Labelled], folds: int) -> Figures:
    """`assigning` with each part of the texts kept back in turn: the mean of each figure."""
    place: Counter[str] = Counter()
    fold = []
    for _, topic in rows:
        fold.append(place[topic] % folds)
        place[topic] += 1
    each = [
        assigning(
            [row for row, at in zip(rows, fold, strict=True) if at != kept],
            [row for row, at in zip(rows, fold, strict=True) if at == kept],
        )
        for kept in range(folds)
    ]
    worst = min(each, key=lambda one: one["worst"])
    means = {
        name: float(np.mean([one[name] for one in each]))
        for name, value in each[0].items()
        if isinstance(value, float)
    }
    return {**means, "texts": len(rows), "worst_topic": worst["worst_topic"]}


def strangers(rows: Sequence[Labelled]) -> Figures:
    """How often a text of a topic that was never learned is said to be of none."""
    names = sorted({topic for _, topic in rows})
    strange = set(names[::STRANGE])
    known = [row for row in rows if row[1] not in strange]
    model = TopicModel.learn(known[::2])
    told = model.assign_all([text for text, _ in known[1::2]])
    odd = model.assign_all([text for text, topic in rows if topic in strange])
    is_known = [True] * len(told) + [False] * len(odd)
    return {
        "texts": len(odd),
        "none_of_strange": sum(one.topic is None for one in odd) / len(odd),
        "none_of_known": sum(one.topic is None for one in told) / len(told),
        "auc": float(roc_auc_score(is_known, [one.sure for one in [*told, *odd]])),
    }


def proposing(rows: Sequence[Labelled]) -> Figures:
    """How far groups of texts, proposed without their topics, agree with the topics."""
    start = time.perf_counter()
    found = propose([(str(number), text) for number, (text, _) in enumerate(rows)])
    seconds = time.perf_counter() - start
    group = np.full(len(rows), -1)
    for number, proposal in enumerate(found.groups):
        group[[int(one) for one in proposal.ids]] = number
    topics = np.array([topic for _, topic in rows])
    placed = group >= 0
    return {
        "texts": len(rows),
        "groups": len(found.groups),
        "topics": len(set(topics)),
        "ami": float(adjusted_mutual_info_score(topics, group)),
        "ami_of_grouped": float(adjusted_mutual_info_score(topics[placed], group[placed])),
        "left_alone": float(1 - placed.mean()),
        "cohesion": float(np.mean([one.cohesion for one in found.groups])),
        "seconds": seconds,
    }


def plain_grouping(rows: Sequence[Labelled]) -> Figures:
    """The same by TF-IDF and k-means as they come, which is told how many topics there are."""
    topics = [topic for _, topic in rows]
    texts = TfidfVectorizer().fit_transform([text for text, _ in rows])
    count = len(set(topics))
    group = KMeans(count, random_state=0).fit(texts).labels_
    return {"texts": len(rows), "groups": count, "ami": adjusted_mutual_info_score(topics, group)}


def proposing_many(rows: Sequence[Labelled], count: int, length: int = 0) -> Figures:
    """What grouping very many texts costs. Each is the beginning of one and the end of another.

    length: characters of a text at least, made up by further ones: tickets are longer than rows.
    """
    texts = []
    for number in range(count):
        one, two = (rows[number * step % len(rows)][0].split() for step in (1, 7919))
        text = " ".join(one[: len(one) // 2] + two[len(two) // 2 :])
        while len(text) < length:
            text += " " + rows[(number + len(text)) * 104_729 % len(rows)][0]
        texts.append((str(number), text))
    start = time.perf_counter()
    groups = propose(texts).groups
    seconds = time.perf_counter() - start
    return {"texts": count, "length": length, "groups": len(groups), "seconds": seconds}


def alone(work: Callable[..., Figures], *given: Any) -> Figures:
    """The figures of a part, measured in a process of its own, with the memory it took."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, work, given).result()


def _measured(work: Callable[..., Figures], given: tuple[Any, ...]) -> Figures:
    figures = work(*given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**figures, "peak_mb": peak}


def main() -> int:
    """Measure, print tables, and the result as JSON on the last line."""
    console = Console(file=sys.stdout, width=200)
    result: Figures = {"bench": "topics", "goal": GOAL}
    sets: list[QuestionSet] = []
    if bank := _there(console, "banking77/train.csv"):
        rows = labelled(bank)
        result["assigning"] = alone(cross_validated, rows, FOLDS)
        if TEST:
            result["assigning_kept_back"] = alone(assigning, rows, labelled(Path(TEST)))
            result["proposing_kept_back"] = alone(proposing, labelled(Path(TEST)))
        result["strangers"] = alone(strangers, rows)
        result["proposing"] = alone(proposing, rows)
        result["plain_grouping"] = alone(plain_grouping, rows)
        if MANY:
            result["proposing_many"] = alone(proposing_many, rows, MANY)
            result["proposing_many_long"] = alone(proposing_many, rows, MANY, LONG)
        sets += [topics_as_articles(rows, told) for told in (15, 8)]
    if folder := _there(console, "abcd"):
        sets.append(agents_guidelines(folder))
    if folder := _there(console, "kb-m365/Community"):
        sets += knowledge_base(folder)
    if folder := _there(console, "docs-freshness"):
        sets += handbook(folder)
    sets += [question_set(Path(name)) for name in QUESTIONS.split(os.pathsep) if name]
    result["matching"] = {asked.name: alone(matching, asked) for asked in sets}
    show(console, result)
    held = [result[name]["accuracy"] for name in result if name.startswith("assigning")]
    result["holds"] = all(accuracy >= GOAL for accuracy in held)
    print(json.dumps(result, default=float), flush=True)
    return 0 if result["holds"] else 1


def _there(console: Console, name: str) -> Path | None:
    path = SAMPLES / name
    if path.exists():
        return path
    console.print(f"[bold red]NOT MEASURED: the samples {name} are not there ({path}).[/]")
    return None


def show(console: Console, result: Figures) -> None:
    """The tables for people."""
    parts = {name: value for name, value in result.items() if isinstance(value, dict)}
    sets = parts.pop("matching")
    told = Table(title="Topics", show_lines=True)
    told.add_column("measured")
    told.add_column("figures")
    for name, figures in parts.items():
        each = (f"{key.replace('_', ' ')} {_written(value)}" for key, value in figures.items())
        told.add_row(name.replace("_", " "), " · ".join(each))
    console.print(told)
    if sets:
        columns = list(next(iter(sets.values())))
        matched = Table("questions to articles", *(name.replace("_", " ") for name in columns))
        for name, figures in sets.items():
            matched.add_row(name, *(_written(figures.get(column, "")) for column in columns))
        console.print(matched)


def _written(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" if value < 2 else f"{value:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
