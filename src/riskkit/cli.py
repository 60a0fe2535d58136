"""The command line: lay a project, run it, compare and verify runs, score a file, draft a mapping.

Exit codes: 0 done; 1 a stage failed, or a file of a run was changed (``verify``); 2 bad input or
usage; 3 done, and an alert is red and not acknowledged; 4 the run folder is busy; 130 and 143
interrupted. One readable message on stderr; the traceback only with ``--debug``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from riskkit.schema import Feature

__all__ = ["app", "main"]

FAILED, BAD_INPUT, BUSY, INTERRUPTED, TERMINATED = 1, 2, 4, 130, 143
LONGEST = 100_000  # letters of a message

# what a path, a number or a text that was given can be at fault for, wherever it comes out
_REFUSED = (
    errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
)  # fmt: skip
_FAULTS = (RecursionError, OverflowError, UnicodeError)

app = typer.Typer(
    name="riskkit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Root = Annotated[
    Path | None, typer.Option(help="Folder of the source's files; else $RISKKIT_DATA or its own.")
]


def _tell_version(wanted: bool) -> None:
    if wanted:
        import riskkit

        typer.echo(f"riskkit {riskkit.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Credit-risk models in notebooks: run them, read their report, score and check files."""


@app.command()
def init(
    folder: Annotated[
        str | None, typer.Argument(help="A new folder; with --update a project's, else this one.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Show what this version would change in a project.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --update: change it, but nothing that was edited.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Lay a project of one's own, or show what this version would change in one."""
    with _one_message(debug):
        from riskkit import projects
        from riskkit.pipeline import BadInput

        if apply and not update:
            raise BadInput("--apply goes with --update")
        if update:
            project = folder or "."
            table = (projects.take_newer if apply else projects.newer_files)(project)
            for line in projects.newer_text(table, done=apply).splitlines():
                _print(line)
            if not apply and projects.has_newer(table):
                _print("nothing was changed; with --apply it is")
            return
        laid = projects.lay_project(folder or "")
        for line in projects.next_steps(laid).splitlines():
            _print(line)


@app.command()
def run(
    profile: Annotated[
        str,
        typer.Option(
            help="quick: 5,000 applicants, or so many applications of a source at most; "
            "default: 50,000 applicants, or the whole source; "
            "large: 1,000,000 applicants in blocks, or a source of any size."
        ),
    ] = "default",
    source: Annotated[
        Path | None, typer.Option(help="Mapping of real data (YAML); else the synthetic lender.")
    ] = None,
    root: Root = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="Set a parameter.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Run this stage alone, such as 04.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Run this stage and all that depends on it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what is up to date.")] = False,
    name: Annotated[
        str | None, typer.Option("--run", help="The run's name; else <source>-<profile>.")
    ] = None,
    project: Annotated[
        Path | None, typer.Option(help="Folder that holds notebooks/; else looked for upwards.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds a stage may take.")] = 1800,
    jobs: Annotated[
        int | None, typer.Option(help="Stages at work at a time; else one a core, at most 4.")
    ] = None,
    keep: Annotated[int, typer.Option(help="Good runs to keep beside this one, 1 or more.")] = 1,
    engine: Annotated[
        str, typer.Option(help="Who counts large tables: local, or dask, a cluster of processes.")
    ] = "local",
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask cluster that runs, tls:// or tcp://.")
    ] = "",
    debug: Debug = False,
) -> None:
    """Run the notebooks, each after those whose tables it reads, and write their HTML report."""
    with _one_message(debug):
        from riskkit import pipeline

        result = pipeline.run(
            parameters=pipeline.parse_pairs(parameter or []),
            profile=profile,
            source=source,
            root=root,
            run=name,
            project=project,
            only=only,
            start=start,
            force=force,
            timeout_seconds=timeout,
            jobs=jobs,
            keep=keep,
            engine=engine,
            scheduler=scheduler,
        )
        for failed, failure in result.failures.items():
            page = result.report_dir / f"{failed}.html"
            if debug:
                _say(failure.traceback)
            _say(f"{failed} failed: {_first_line(str(failure))}\nread {_short(page)}")
        if not result.failures and any(stage.status == "done" for stage in result.stages):
            _compare_with_previous(result.run_dir, debug)
        for alert in result.alerts:
            owner = f" ({alert.owner}: {alert.to_do})" if alert.owner else ""
            _say(f"alert, {alert.state}: {alert.label}: {alert.why}{owner}")
        _print(_short(result.index))
        raise SystemExit(result.exit_code)


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="A run's folder, such as data/runs/NAME.")],
    xlsx: Annotated[
        Path | None, typer.Option(help="All tables of results in one workbook, a new .xlsx file.")
    ] = None,
    docx: Annotated[
        Path | None, typer.Option(help="The model document for Word, a new .docx file.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a run's front page anew from its manifest, and say where it is; export its results."""
    with _one_message(debug):
        from riskkit import pipeline, tables

        wanted = (("--xlsx", xlsx, pipeline.run_workbook), ("--docx", docx, pipeline.run_document))
        for option, path, _ in wanted:
            if path is not None:
                _check_new(option, path)
        run_dir = run_dir.resolve()
        # all of it is there, or nothing is written
        made = [(path, content(run_dir)) for _, path, content in wanted if path is not None]
        _print(_short(pipeline.rebuild_index(run_dir)))
        for path, content in made:
            with tables.whole(path) as staging:
                staging.write_bytes(content)
            _print(_short(path))


@app.command()
def verify(
    run_dir: Annotated[Path, typer.Argument(help="A run's folder, such as data/runs/NAME.")],
    debug: Debug = False,
) -> None:
    """Say what has changed since a run: its own files (then code 1), and what it was made from."""
    with _one_message(debug):
        from riskkit import pipeline

        table = pipeline.verify_run(run_dir)
        for line in pipeline.verify_text(table).splitlines():
            _print(line)
        if pipeline.changed_files(table):
            raise SystemExit(FAILED)


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of the earlier run, data/runs/NAME.")],
    run_b: Annotated[Path, typer.Argument(help="Folder of the later run.")],
    output: Annotated[
        Path | None,
        typer.Option(help="The page, .html; else compare-RUN_A.html beside the report of RUN_B."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a page on what changed between two runs, and whether it is more than chance."""
    with _one_message(debug):
        from riskkit import compare as comparison

        _print(_short(comparison.compare_runs(run_a, run_b, output)))


@app.command()
def score(
    model: Annotated[
        Path, typer.Option(help="A run's folder, for its scorecard; or a model's JSON file.")
    ],
    file: Annotated[
        Path, typer.Option("--input", help="Parquet, CSV or a folder of parts, of any size.")
    ],
    output: Annotated[Path, typer.Option(help="Scores: .parquet, .csv or .csv.gz.")],
    source: Annotated[
        Path | None,
        typer.Option(help="Mapping of the run's source, where the input is named and coded alike."),
    ] = None,
    reasons: Annotated[int, typer.Option(help="Reasons for each score, in words.")] = 0,
    rejected: Annotated[
        Path | None, typer.Option(help="Rows without a score; else OUTPUT.rejected.csv.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Score a file block by block; rows that cannot be scored go to a side file with reasons."""
    with _one_message(debug):
        from riskkit import scoring
        from riskkit.pipeline import BadInput

        try:
            scoring.check_reasons(reasons)
        except ValueError as error:
            raise BadInput(f"--reasons: {error}") from None
        path, features = _model_of(model, output, rejected)
        done = scoring.score_file(
            path,
            file,
            output,
            mapping=source,
            n_reasons=reasons,
            features=features,
            rejected=rejected,
        )
        aside = "" if done.rejected is None else f" (side file {_short(done.rejected)})"
        _print(
            f"{done.n_rows:,} rows: {done.n_scored:,} scored, {done.n_rejected:,} rejected{aside}"
        )
        if done.unseen:
            strange = ", ".join(f"{name} in {n:,} rows" for name, n in done.unseen.items())
            _print(f"levels never seen in training: {strange}")


@app.command()
def validate(
    source: Annotated[Path, typer.Option(help="Mapping of real data (YAML).")],
    root: Root = None,
    html: Annotated[
        Path | None, typer.Option(help="The same as a page to pass on, a new .html file.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Read a source through its mapping and check it against the data contract."""
    with _one_message(debug):
        from riskkit import profile, schema, tables, vintage

        if html is not None:
            _check_new("--html", html)
        with tables.scratch_folder() as parts:
            read = schema.load_source(source, root, parts=parts)
            if html is not None:
                from riskkit import documents

                told = "What was read of it, through its mapping; it fits the data contract."
                sections = profile.source_sections(read)
                documents.write_document(html, read.title, sections, subtitle=told)
            _print(profile.source_summary(read))
            if read.performance is not None:
                unseen = vintage.panel_gaps(read.performance, observed_to=read.observed_to)
                if unseen["loans"].iloc[1:].any():
                    _print(vintage.gaps_text(unseen).replace("**", ""))


@app.command()
def draft(
    file: Annotated[
        Path, typer.Option("--input", help="One row per loan: .csv, .csv.gz, .parquet or .xlsx.")
    ],
    label: Annotated[
        str | None, typer.Option(help="Column that says who was bad; else it is looked for.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The mapping, a new file; else beside the input.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a commented mapping for a file, each guess with its reason."""
    with _one_message(debug):
        from riskkit import draft as drafts
        from riskkit.pipeline import BadInput

        if not file.name or (output is not None and not output.name):
            raise BadInput("--input and --output name files, got an empty name")
        if output is not None and not output.parent.is_dir():
            raise BadInput(f"no folder {_short(output.parent)}")
        path = output or file.with_name(file.name.removesuffix(".gz")).with_suffix(".yaml")
        if os.path.lexists(path):
            raise BadInput(
                f"{_short(path)} is there already and stays as it is; name another --output"
            )
        drafted = drafts.draft_mapping(file, label)
        drafts.write_draft(drafted, path)
        root = "" if path.resolve().parent == file.resolve().parent else f" --root {file.parent}"
        _print(f"{_short(path)}: {drafted.n_features} features, {drafted.n_left_out} left out")
        _print(f"{drafted.n_checks} guesses marked # check: confirm or correct them, then")
        _print(f"  riskkit validate --source {_short(path)}{root}")


def main() -> None:
    """Run the command line; the console script ``riskkit``."""
    app()


@contextlib.contextmanager
def _one_message(debug: bool) -> Iterator[None]:
    """Turn what may go wrong into one message and an exit code."""
    from riskkit.pipeline import stoppable

    lines = warnings.formatwarning
    warnings.formatwarning = _one_line if not debug else lines
    try:
        with stoppable():
            yield
    except KeyboardInterrupt:
        _say("interrupted")
        raise SystemExit(INTERRUPTED) from None
    except SystemExit as stop:
        if stop.code == TERMINATED:
            _say("terminated")
        raise
    except (
        Exception
    ) as error:  # the outermost frame: whatever happened becomes a message and a code
        from riskkit.checks import DataContractError
        from riskkit.pipeline import BadInput, RunBusy

        if debug:
            _say(traceback.format_exc())
        if isinstance(error, (BadInput, DataContractError, *_FAULTS)) or _is_refused(error):
            code = BAD_INPUT
        elif isinstance(error, RunBusy):
            code = BUSY
        else:
            code = FAILED
        _say(f"riskkit: {_told(error, code)}")
        raise SystemExit(code) from None
    finally:
        warnings.formatwarning = lines


def _one_line(message: Warning | str, *where: Any, **more: Any) -> str:
    """A warning without the place in somebody's code that led to it."""
    return f"riskkit: {message}\n"


def _is_refused(error: Exception) -> bool:
    """Whether a path cannot be what it was given as; a full disk is no fault of the call."""
    loop = isinstance(error, RuntimeError) and str(error).startswith("Symlink loop")  # pathlib's
    return loop or _is_arrows(error) or (isinstance(error, OSError) and error.errno in _REFUSED)


def _is_arrows(error: Exception) -> bool:
    """Whether arrow found it in a file, which it does only when it reads on."""
    return type(error).__module__.startswith("pyarrow")


def _told(error: Exception, code: int) -> str:
    if isinstance(error, OSError) and error.strerror:
        name = str(error.filename or "")
        shown = name if len(name) <= 200 else f"{name[:200]}…"
        return f"{error.strerror}: {shown!r}" if name else error.strerror
    if isinstance(error, RecursionError):
        return "what was given is nested too deeply"
    if isinstance(error, _FAULTS):
        return f"a number or a text that cannot be read: {error}"
    if _is_arrows(error):
        return f"a file is damaged, or holds what cannot be read: {_first_line(str(error))}"
    if code != FAILED:
        return str(error)
    return f"{type(error).__name__}: {error} (--debug shows where)"


def _model_of(model: Path, *outputs: Path | None) -> tuple[Path, list[Feature]]:
    """File of a model, or of a run's scorecard; and what the run knows of its features."""
    if not model.is_dir():
        return model, []
    from riskkit import pipeline, schema, tables

    try:
        card, features = pipeline.run_files(model, "scorecard.json", "features.parquet")
    except pipeline.TableMissing:
        raise pipeline.BadInput(f"no finished stage in {model} has left a scorecard.json") from None
    for output in outputs:
        if output is not None and output.resolve().is_relative_to(model.resolve()):
            raise pipeline.BadInput(f"{output} is in the run's own folder: name another one")
    return card, schema.features_from_table(tables.read_table(features))


def _print(text: str, *, err: bool = False) -> None:
    """Write a line in which no letter of a file's or a name's steers the terminal."""
    from riskkit.columns import visible

    if (more := len(text) - LONGEST) > 0:
        text = f"{text[:LONGEST]}… and {more:,} more letters"
    typer.echo(visible(text), err=err)


def _compare_with_previous(run_dir: Path, debug: bool) -> None:
    """Say on a page beside the report what has changed since the last good run; link it there."""
    from riskkit import compare as comparison
    from riskkit import pipeline
    from riskkit.checks import DataContractError

    before = pipeline.previous_of(run_dir)
    if not before.is_dir():
        return
    try:
        comparison.compare_runs(before, run_dir)
    except (pipeline.BadInput, DataContractError, OSError) as error:
        # the run is good, whatever the one before was
        if debug:
            _say(traceback.format_exc())
        _say(f"not compared with the run before: {error}")
    else:
        pipeline.rebuild_index(run_dir)


def _check_new(option: str, path: Path) -> None:
    """Refuse to export to what is there already, is of another kind, or belongs to the run."""
    from riskkit.pipeline import BadInput, is_in_a_run

    suffix = f".{option.removeprefix('--')}"
    if path.suffix.lower() != suffix:
        raise BadInput(f"{option} names a {suffix} file, got {str(path)!r}")
    if not path.parent.is_dir():
        raise BadInput(f"no folder {_short(path.parent)}")
    if os.path.lexists(path):
        raise BadInput(f"{path} is there already and stays as it is; name another {option}")
    if is_in_a_run(path):
        raise BadInput(f"{path} is in a run's folder: name another {option}")


def _say(text: str) -> None:
    from riskkit.checks import may_hold_password

    if may_hold_password(text):
        text = (
            "riskkit: what went wrong may hold a password and is not shown; a mapping names the "
            "environment variable that holds a database's address (sql: url_env)"
        )
    _print(text, err=True)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]


def _short(path: Path) -> str:
    """The path as seen from the working folder, where it lies below."""
    with contextlib.suppress(ValueError):
        return str(path.resolve().relative_to(Path.cwd()))
    return str(path)


if __name__ == "__main__":
    main()
