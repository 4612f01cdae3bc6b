#!/usr/bin/env python3
"""Feast's feature server, ready to be asked: the peer of P7 and P8.

    feast_online.py FOLDER PORT [--views 25] [--entities 10000] [--store sqlite]

25 views of 10 float features each, materialised from Parquet; `feast serve` with one worker, its access log off and its limit of requests
lifted, to be fair to the peer. Prints a line of JSON once it is ready, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pandas as pd
import yaml
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType, __version__
from feast.types import Float64, Int64


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("port", type=int)
    p.add_argument("--views", type=int, default=25)
    p.add_argument("--entities", type=int, default=10_000)
    a = p.parse_args()
    config = {
        "project": "bench", "provider": "local", "registry": f"{a.folder}/registry.db", "offline_store": {"type": "dask"},
        "online_store": {"type": "sqlite", "path": f"{a.folder}/online.db"}, "entity_key_serialization_version": 3,
    }
    (a.folder / "feature_store.yaml").write_text(yaml.safe_dump(config))
    store = FeatureStore(config=RepoConfig(**config))
    rng = np.random.default_rng(1)
    entity = Entity(name="id", join_keys=["id"], value_type=ValueType.INT64)
    views = []
    for v in range(a.views):
        names = [f"f{v * 10 + i}" for i in range(10)]
        rows = pd.DataFrame({"id": np.arange(a.entities), "ts": pd.Timestamp("2025-01-01", tz="UTC"), **{n: rng.random(a.entities) for n in names}})
        rows.to_parquet(a.folder / f"v{v}.parquet")
        views.append(FeatureView(
            name=f"v{v}", entities=[entity], ttl=dt.timedelta(days=36500), schema=[Field(name="id", dtype=Int64), *(Field(name=n, dtype=Float64) for n in names)],
            source=FileSource(path=f"{a.folder}/v{v}.parquet", timestamp_field="ts")))
    store.apply([entity, *views])
    store.materialize(dt.datetime(2024, 12, 1, tzinfo=dt.timezone.utc), dt.datetime(2025, 2, 1, tzinfo=dt.timezone.utc))
    feast = pathlib.Path(sys.executable).with_name("feast")
    with open(a.folder / "serve.log", "w") as log:
        server = subprocess.Popen([feast, "--chdir", a.folder, "serve", "-p", str(a.port), "-w", "1", "--no-access-log", "--max-requests", "100000000", "-r", "3600"],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "FEAST_USAGE": "False"})
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{a.port}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        print(json.dumps({"version": __version__, "pid": server.pid}), flush=True)
        sys.stdin.read()
    finally:
        server.terminate()
        server.wait()


main()
