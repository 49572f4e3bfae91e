"""Traffic splits: deployed model's id -> percent of the requests, 100 in all."""

from collections.abc import Mapping, Sequence

from preprocessing.errors import InputError


def check_percent(percent: int) -> None:
    """Refuses what is no share of the requests.

    Raises:
        InputError: below 0 or above 100.
    """
    if not 0 <= percent <= 100:
        raise InputError(f"--traffic is {percent}, expected percent of the requests, 0 to 100.")


def shifted(
    current: Mapping[str, int], target: str, percent: int, others: Sequence[str]
) -> dict[str, int]:
    """A split that gives `percent` to one, and the rest to the others as they share it now.

    Args:
        current: the split of now; may lack ids without traffic.
        target: who gets it.
        percent: how much.
        others: the other ids, the newest first. Where none of them has traffic now, the newest
            takes the rest.

    Raises:
        InputError: there is no other to take the rest.
    """
    check_percent(percent)
    rest = 100 - percent
    shares = {other: current.get(other, 0) for other in others if current.get(other, 0)}
    if rest and not shares:
        if not others:
            raise InputError(
                f"--traffic is {percent}, expected 100: no other version is deployed to take the "
                "rest."
            )
        shares = {others[0]: 1}
    split = {target: percent} | (_in_proportion(shares, rest) if rest else {})
    return {key: value for key, value in split.items() if value}


def _in_proportion(shares: Mapping[str, int], whole: int) -> dict[str, int]:
    """Whole numbers that add up to `whole`, by largest remainders."""
    total = sum(shares.values())
    given = {key: share * whole // total for key, share in shares.items()}
    by_remainder = sorted(shares, key=lambda key: (-(shares[key] * whole % total), key))
    for key in by_remainder[: whole - sum(given.values())]:
        given[key] += 1
    return given


def rolled_back(current: Mapping[str, int], newest_first: Sequence[str]) -> str:
    """Who takes all traffic when it goes back: the one before the newest that has some.

    Raises:
        InputError: there is none.
    """
    with_traffic = [place for place, key in enumerate(newest_first) if current.get(key)]
    back = with_traffic[0] + 1 if with_traffic else 0
    if back >= len(newest_first):
        raise InputError(
            "there is no version deployed before the one that answers, so none to go back to. "
            "Deploy one: `python -m infra.vertex deploy MODEL_DIR --version N`."
        )
    return newest_first[back]
