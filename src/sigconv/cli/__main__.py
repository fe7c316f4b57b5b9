"""``python -m sigconv.cli`` is the `sigconv` command."""

import sys

from sigconv.cli import main

sys.exit(main())
