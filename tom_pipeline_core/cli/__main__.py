"""``python -m tom_pipeline_core.cli``."""

import sys

from tom_pipeline_core.cli.main import main

sys.exit(main())
