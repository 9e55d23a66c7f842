import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from isogloss.evaluation.compare import compare
from isogloss.evaluation.report import headline, report_html, write_report

HIGH, LOW = {"en": 0.9, "de": 0.8}, {"en": 0.8, "de": 0.4}
HOSTILE = "</title><script>alert('x')</script>\"'&<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Tags and attributes of a document."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags(html):
    parser = Tags()
    parser.feed(html)
    return parser.found


def report(fake_run, tmp_path, **given):
    runs = [fake_run(tmp_path / "a", HIGH, **given), fake_run(tmp_path / "b", LOW, method="zero_shot")]
    return report_html(compare(runs), command="isogloss compare runs/*")


def test_hostile_names_are_escaped_everywhere(tmp_path, fake_run):
    html = report(
        fake_run,
        tmp_path,
        method=HOSTILE,
        encoder=HOSTILE,
        settings={HOSTILE: HOSTILE},
        data={HOSTILE: HOSTILE},
    )
    names = {tag for tag, _ in tags(html)}
    assert not names & {"script", "img", "iframe", "link"}
    assert html.count("<title>") == html.count("</title>")
    for _, attributes in tags(html):
        assert not any(name.startswith("on") for name in attributes)


def test_a_hostile_task_language_and_command_are_escaped(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", {"en": 0.5, HOSTILE: 0.5}, task=HOSTILE)
    html = report_html(compare([run]), command=HOSTILE)
    assert not {tag for tag, _ in tags(html)} & {"script", "img"}


def test_nothing_is_fetched(tmp_path, fake_run):
    html = report(fake_run, tmp_path)
    assert not re.search(r"https?://|url\(|@import|\bsrc=|\bhref=\"[^#]", html)
    assert "default-src 'none'" in html


def test_several_tables_are_linked_at_the_top(tmp_path, fake_run):
    runs = [fake_run(tmp_path / task, HIGH, task=task) for task in ("nusax", "sib200")]
    html = report_html(compare(runs))
    assert [attributes["href"] for tag, attributes in tags(html) if tag == "a"] == ["#t0", "#t1"]
    assert {attributes.get("id") for tag, attributes in tags(html) if tag == "h2"} == {"t0", "t1"}


def test_every_picture_is_well_formed_and_named(tmp_path, fake_run):
    pictures = re.findall(r"<svg.*?</svg>", report(fake_run, tmp_path), re.DOTALL)
    assert len(pictures) > 6
    for picture in pictures:
        svg = ElementTree.fromstring(picture)
        assert svg.get("aria-label") or svg.get("aria-hidden")
        for mark in svg.iter("circle"):
            assert 0 <= float(mark.attrib["cx"].rstrip("%")) <= 100


def test_scores_intervals_and_provenance_are_there(tmp_path, fake_run):
    html = report(fake_run, tmp_path, settings={"config": {"fusion_layers": 2}})
    for part in (
        "90.0",
        "Gap to English",
        "fusion_layers",
        "accuracy|<wbr>unit:item",
        "versions",
        "isogloss compare runs/*",
    ):
        assert part in html


def test_the_headline_says_whether_the_lead_is_beyond_doubt(tmp_path, fake_run):
    runs = [fake_run(tmp_path / "a", HIGH), fake_run(tmp_path / "b", LOW, method="zero_shot")]
    assert headline(compare(runs).tables[0]).startswith("filter has the highest average, 85.0 [")
    assert "It is above every other row" in headline(compare(runs).tables[0])
    equal = [fake_run(tmp_path / "c", HIGH), fake_run(tmp_path / "d", HIGH, method="zero_shot")]
    assert "It is not clearly above" in headline(compare(equal).tables[0])
    assert headline(compare(equal[:1]).tables[0]).startswith("filter: average 85.0")


def test_one_language_and_no_training_language_make_a_report(tmp_path, fake_run):
    for i, shares in enumerate(({"en": 0.5}, {"de": 0.0}, {"de": 1.0, "sw": 1.0})):
        html = report_html(compare([fake_run(tmp_path / str(i), shares)]))
        assert "Gap to" not in html


def test_the_report_is_one_file_that_leaves_no_other(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", HIGH)
    write_report(compare([run]), tmp_path / "out" / "report.html")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]


def test_reports_and_comparisons_import_no_torch():
    code = (
        "import sys, isogloss.evaluation.report, isogloss.evaluation.show, isogloss.evaluation.tables;"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
