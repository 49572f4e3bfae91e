"""What the official SQuAD scripts compute, written plainly from their published description.

Nothing of the product is used. Numbers are added in the scripts' order, so that the last digit is
the same too.
"""

import collections
import re
import string


def words(text):
    """Lower case; no ASCII punctuation; no "a", "an", "the"; split at white space."""
    kept = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def exact(prediction, gold):
    return 1 if " ".join(words(prediction)) == " ".join(words(gold)) else 0


def f1(prediction, gold, no_words):
    """`no_words`: what it is where either has no words left, given whether both have none."""
    found, wanted = words(prediction), words(gold)
    if not found or not wanted:
        return no_words(found == wanted)
    common = 0
    left = collections.Counter(wanted)
    for word in found:
        if left[word] > 0:
            left[word] -= 1
            common += 1
    if common == 0:
        return 0
    precision = 1.0 * common / len(found)
    recall = 1.0 * common / len(wanted)
    return (2 * precision * recall) / (precision + recall)


def entries(dataset):
    return [
        entry
        for article in dataset["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    ]


def v1(dataset, predictions):
    total = exact_sum = f1_sum = 0
    for entry in entries(dataset):
        total += 1
        if entry["id"] not in predictions:
            continue
        golds = [answer["text"] for answer in entry["answers"]]
        prediction = predictions[entry["id"]]
        exact_sum += max(exact(prediction, gold) for gold in golds)
        # v1.1 has no rule for answers without words: they have no word in common.
        f1_sum += max(f1(prediction, gold, lambda same: 0) for gold in golds)
    return {"exact_match": 100.0 * exact_sum / total, "f1": 100.0 * f1_sum / total}


def v2(dataset, predictions, odds=None, threshold=1.0):
    has_answer, exact_of, f1_of = {}, {}, {}
    for entry in entries(dataset):
        key = entry["id"]
        has_answer[key] = bool(entry["answers"])
        golds = [a["text"] for a in entry["answers"] if words(a["text"])]
        golds = golds or [""]
        exact_of[key] = max(exact(predictions[key], gold) for gold in golds)
        f1_of[key] = max(f1(predictions[key], gold, lambda same: int(same)) for gold in golds)
    result = {}
    groups = {"": list(has_answer)}
    groups["HasAns_"] = [key for key in has_answer if has_answer[key]]
    groups["NoAns_"] = [key for key in has_answer if not has_answer[key]]
    for prefix, keys in groups.items():
        if keys:
            for name, scores in (("exact", exact_of), ("f1", f1_of)):
                kept = [withheld(key, scores, has_answer, odds, threshold) for key in keys]
                result[f"{prefix}{name}"] = 100.0 * sum(kept) / len(keys)
            result[f"{prefix}total"] = len(keys)
    if odds is not None:
        for name, scores in (("exact", exact_of), ("f1", f1_of)):
            best, where = best_threshold(predictions, scores, odds, has_answer)
            result[f"best_{name}"], result[f"best_{name}_thresh"] = best, where
    return result


def withheld(key, scores, has_answer, odds, threshold):
    if odds is not None and odds[key] > threshold:
        return float(not has_answer[key])
    return scores[key]


def best_threshold(predictions, scores, odds, has_answer):
    score = best = sum(1 for has in has_answer.values() if not has)
    where = 0.0
    for key in sorted(odds, key=lambda key: odds[key]):
        if has_answer[key]:
            score += scores[key]
        elif predictions[key]:
            score -= 1
        if score > best:
            best, where = score, odds[key]
    return 100.0 * best / len(scores), where
