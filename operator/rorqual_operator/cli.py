"""`rorqual`: one command, made of the entry points that the installed packages offer."""

from importlib.metadata import EntryPoint, entry_points, version

import click

GROUP = "rorqual.commands"


class Commands(click.Group):
    """Loads a subcommand's module only when it is asked for, so that `rorqual --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return sorted(_offered())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _offered().get(cmd_name)
        if found is None:
            return None
        command = found.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"entry point {found.name} of {GROUP}: expected a click command, found {type(command)}")
        return command


def _offered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("rorqual"), prog_name="rorqual")
def main() -> None:
    """Makes large-language-model serving on GPU clusters look after itself."""
