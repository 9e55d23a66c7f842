"""Small data sets with queries, in the layout of the published files."""

import json
from pathlib import Path

NAMES = ("Ada", "Bo", "Cem", "Dov", "Eli", "Fay", "Gus", "Hal", "Ida", "Jan", "Kim", "Lea", "Max", "Nia", "Ole")
LINES = {
    "de": ("{0} wohnt hier.", "Die Mühle von {0} ist alt.", "Wem gehört die Mühle: {0}?"),
    "en": ("{0} lives here.", "The mill of {0} is old.", "Who owns the mill: {0}?"),
}


def write_collections(folder: Path) -> None:
    """XQuAD-R in German and English, Cranfield, and Tatoeba in German."""
    for name in ("xquad_r", "cranfield", "tatoeba"):
        (folder / name).mkdir()
    for tag, (first, second, question) in LINES.items():
        paragraphs = []
        for number, name in enumerate(NAMES):
            one, two = first.format(name), second.format(name)
            qas = [{"id": f"q{number}", "question": question.format(name), "answers": [{"answer_start": len(one) + 3}]}]
            breaks = [[0, len(one)], [len(one) + 1, len(one) + 1 + len(two)]]
            paragraphs.append({"context": f"{one} {two}", "qas": qas, "sentence_breaks": breaks})
        content = json.dumps({"data": [{"paragraphs": paragraphs}]}, ensure_ascii=False)
        (folder / "xquad_r" / f"{tag}.json").write_text(content, encoding="utf-8")
        end = {"de": "deu", "en": "eng"}[tag]
        (folder / "tatoeba" / f"tatoeba.deu-eng.{end}").write_text("".join(f"{first.format(n)}\n" for n in NAMES))
    documents = "".join(f"<doc><docno>{i}</docno><text>wing {name}</text></doc>\n" for i, name in enumerate(NAMES, 1))
    (folder / "cranfield" / "cran.all.1400.xml").write_text(documents)
    topics = "".join(f"<top><num> {9 * i}</num><title>{name}</title></top>" for i, name in enumerate(NAMES[:6], 1))
    (folder / "cranfield" / "cran.qry.xml").write_text(f"<xml>{topics}</xml>")
    (folder / "cranfield" / "cranqrel.trec.txt").write_text("".join(f"{i} 0 {i} 1\n" for i in range(1, 7)))
