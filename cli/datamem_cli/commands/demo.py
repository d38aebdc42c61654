"""The command that shows what this is all about: demo."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--db", "path", metavar="PATH", help="Keep the sample database there.")
def demo(path: str | None) -> None:
    r"""See an agent's memory, now and in the past.

    \b
    Examples:
      datamem demo
      datamem demo --db sample.dm
    """
    from datamem.demo import play_demo
    from datamem_cli.opening import require_new

    if path is not None:
        require_new(path)
        play_demo(path, click.echo)
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="datamem-demo-") as directory:
        play_demo(str(Path(directory) / "sample.dm"), click.echo, kept=False)


COMMANDS = (demo,)
