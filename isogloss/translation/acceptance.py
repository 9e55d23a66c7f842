"""What share of the translations was accepted: by language with the reasons, and by label."""

from collections.abc import Mapping
from typing import Any


def acceptance(counts: Mapping[str, Mapping[str, Any]]) -> str:
    """The lines that say what share was accepted, per language with the reasons, and per label.

    counts: the translations of a set's manifest, which is the same for programs.
    """
    lines = []
    for tag, each in counts.items():
        rejected = sum(each["rejected"].values())
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(each["rejected"].items(), key=lambda x: -x[1]))
        found = ", ".join(f"{count} {how}" for how, count in sorted(each["status"].items(), key=lambda x: -x[1]))
        lines.append(
            f"{tag}: {_share(each['accepted'], rejected)} of {each['accepted'] + rejected} accepted"
            + (f"; rejected: {reasons}" if reasons else "")
            + (f"; answers: {found}" if found else "")
        )
    labels = sorted({label for each in counts.values() for label in each["labels"]})
    if labels:
        width = max(map(len, ("accepted", *labels)))
        lines += ["", f"{'accepted':<{width}}  " + "  ".join(f"{tag:>6}" for tag in counts)]
        for label in labels:
            cells = [each["labels"].get(label, {"accepted": 0, "rejected": 0}) for each in counts.values()]
            shares = [_share(cell["accepted"], cell["rejected"]) for cell in cells]
            lines.append(f"{label:<{width}}  " + "  ".join(f"{share:>6}" for share in shares))
    return "\n".join(lines)


def _share(accepted: int, rejected: int) -> str:
    return f"{100 * accepted / (accepted + rejected):.1f}%" if accepted + rejected else "-"
