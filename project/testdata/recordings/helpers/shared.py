import bighead as bh


def share(of, name, **more):
    return bh.avg(
        f"{of} >= 15", name=name,
        **more,
    )


def both(column, windows):
    return [
        share(column, "late_" + column, windows=windows),
        bh.count(column, windows=windows),
    ]
