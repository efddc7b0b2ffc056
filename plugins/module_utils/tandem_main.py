"""What a machine is sent ends here: do one step and say what came of it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ansible.module_utils.tandem_profile import RestoredError
from ansible.module_utils.tandem_steps import begin, end, load
from ansible.module_utils.tandem_verify import verify

STEPS = {"begin": begin, "load": load, "end": end, "verify": verify}


def main(params: dict[str, Any]) -> None:
    """Do the step and print what came of it as one line of JSON; a machine that cannot is `failed`."""
    try:
        answer = STEPS[params["step"]](params)
    except RestoredError as error:
        answer = {"failed": True, "msg": f"{params['step']} of run {params['run'].get('id')}: {error}"}
    except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        answer = {"failed": True, "msg": f"{params['step']} of run {params['run'].get('id')}: {error!r}"}
    print(json.dumps(answer))   # noqa: T201 - the action plugin reads it
