"""For a test: an exchange per line of input, an answer per line of output."""

import json
import os
import sys

from coatcheck import Coatcheck
from near import NearCoatcheck

near = NearCoatcheck(Coatcheck(os.environ["COATCHECK_URL"], os.environ["COATCHECK_KEY"]))
for line in sys.stdin:
    try:
        answer = near.validate(json.loads(line))
        print(json.dumps({"valid": answer["valid"], "hits": near.hits, "kept": len(near.entries)}), flush=True)
    except OSError:
        print(json.dumps({"valid": None, "hits": near.hits, "kept": len(near.entries)}), flush=True)
