"""`python -m rorqual_sandbox`: the command group on its own, without the rest of `rorqual`."""

from rorqual_sandbox.cli import sandbox

if __name__ == "__main__":
    sandbox(prog_name="rorqual sandbox")
