"""A run in blocks on a Dask cluster is the run in memory; with a sample its counts still are."""

import pandas as pd
import pytest

from riskkit import pipeline
from riskkit.pipeline.manifest import left_in
from riskkit.pipeline.parameters import BadInput
from riskkit.tables import Table

pytest.importorskip("distributed", reason="the dask extra is not installed")

STAGES = [1, 2, 3, 4, 5]
# folds of frames are dealt, those of tables in parts are a hash of the customer
OTHER_FOLDS = {("selection", "cross_fitted"), ("selected", "cross_fitted")}
FEW_ROWS = "2000"


@pytest.fixture(scope="module")
def in_blocks(project, synthetic_run):
    """The session's run once more: all in parts, none sampled, counted by two processes."""
    # kernels take what the runner's own process has in its environment
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKKIT_BLOCK_ROWS", FEW_ROWS)
        return pipeline.run(
            STAGES,
            {"n_applicants": 5_000, "sample_applications": 5_000},
            "quick",
            run="blocks",
            project=project,
            progress=False,
            engine="dask",
        )


def tables_left(run_dir):
    for stage in sorted(path for path in run_dir.iterdir() if path.name[:2].isdigit()):
        for name in left_in(stage):
            if name.endswith(".parquet"):
                yield stage / name


def test_every_table_is_that_of_the_run_in_memory(in_blocks, synthetic_run):
    assert in_blocks.exit_code in (0, 3)
    compared = 0
    for path in tables_left(in_blocks.run_dir):
        expected = synthetic_run.run_dir / path.parent.name / path.name
        found = Table(path).frame()
        if path.stem == "parameters":  # the sample's size is one of them
            continue
        drop = [column for name, column in OTHER_FOLDS if name == path.stem]
        pd.testing.assert_frame_equal(
            found.drop(columns=drop),
            Table(expected).frame().drop(columns=drop),
            rtol=1e-9,
            atol=1e-9,
            obj=path.stem,
        )
        compared += 1
    assert compared > 30


def test_tables_were_in_parts_and_counted_by_the_cluster(in_blocks):
    for stage, name in (("01_borrowers", "performance"), ("03_models", "scores")):
        table = Table(in_blocks.run_dir / stage / f"{name}.parquet", whole=None)
        assert table.folder is not None
        assert len(list(table.folder.glob("part-*.parquet"))) > 2


@pytest.mark.parametrize(
    ("engine", "scheduler", "told"),
    [
        ("spark", "", "no engine 'spark'; there are local, dask"),
        ("local", "tcp://127.0.0.1:9", "joined with engine dask"),
        ("dask", "tcp://127.0.0.1:9", "no Dask scheduler answers"),
    ],
)
def test_an_engine_that_cannot_count_is_refused_before_anything_starts(
    project, engine, scheduler, told
):
    with pytest.raises(BadInput, match=told):
        pipeline.run(project=project, run="refused", engine=engine, scheduler=scheduler)
    assert not (project / "data" / "runs" / "refused").exists()
