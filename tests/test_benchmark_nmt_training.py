"""The benchmark of training a translator: both ways read the same tokens, and padding is what is padded."""

from toy_language import method, toy_job

from benchmarks import nmt_training, speed_page


def test_both_ways_are_measured_on_the_same_pairs_and_the_usual_one_pads_more(tmp_path):
    job = toy_job(tmp_path, tokens_per_batch=300)
    found = nmt_training.measure(job, updates=12, repeats=1)
    assert found["pairs"] == 200 and found["ratio"]["median"] > 0
    assert 0 <= found["padding"]["ours"] < found["padding"]["usual"] < 1
    usual, ours = (found["tokens_per_update"][name] for name in ("usual", "ours"))
    assert abs(usual - ours) < 0.2 * ours
    text, table = speed_page.PARTS["Training a translator"][2](found)
    assert "12 updates" in text and [row[0] for row in table.rows] == ["usual", "by tokens"]


def test_the_clock_counts_real_tokens_and_padding_apart(tmp_path):
    made = method()
    job = toy_job(tmp_path)
    examples = made.examples(job)[:8]
    clock = nmt_training.Clock(made.collate(job), lambda batch: [batch["attention_mask"]])
    for _ in range(nmt_training.FIRST + 2):
        batch = clock(examples)
    real = sum(len(each.source) for each in examples)
    assert clock.found()["tokens_per_update"] == real
    assert clock.found()["padding"] == 1 - real / batch["attention_mask"].numel()
