#!/usr/bin/env python3
"""pipeline_steps.py FILE JOB - the shell steps of one job (a stage in Azure Pipelines) of a pipeline file, as one script;
--artifact FILE: the path that its build publishes."""
import sys

import yaml


def steps(doc, job):
    if "stages" in doc and isinstance(doc["stages"][0], dict):  # Azure Pipelines
        stage = next(s for s in doc["stages"] if s["stage"] == job)
        j = stage["jobs"][0]
        return j["steps"] if "steps" in j else j["strategy"]["runOnce"]["deploy"]["steps"]
    return doc["jobs"][job]["steps"] if "jobs" in doc else doc[job]


def main():
    if sys.argv[1] == "--artifact":
        with open(sys.argv[2], encoding="utf-8") as f:
            doc = yaml.safe_load(f)
        found = steps(doc, "build")
        if isinstance(found, dict):
            print(found["artifacts"]["paths"][0])
        else:
            print(next(s.get("publish") or s["with"]["path"] for s in found
                       if "publish" in s or s.get("uses", "").startswith("actions/upload-artifact")))
        return
    with open(sys.argv[1], encoding="utf-8") as f:
        found = steps(yaml.safe_load(f), sys.argv[2])
    lines = found["script"] if isinstance(found, dict) else \
        [s.get("script") or s.get("run") for s in found if "script" in s or "run" in s]
    if not lines:
        sys.exit("no shell step in " + sys.argv[2])
    print("set -e\n" + "\n".join(lines))


main()
