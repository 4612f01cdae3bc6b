"""Flights out of New York in 2013: how late will this one leave, as far as anybody knew two hours before it should?"""

import bighead as bh

# A departure's delay is known from the moment it leaves, so that is its time. A cancelled flight never leaves: its time is
# null, and it is counted and dropped.
departures = bh.EventSource(
    "departures",
    path="data/flights.parquet",
    time="dep_time",
    id="flight_id",
    order_by="flight_id",
)

# The same rows on another clock: what is known once the aircraft has reached its gate.
arrivals = departures.again("arrivals", time="arr_time")

weather = bh.EventSource(
    "weather",
    path="data/weather.parquet",
    time="time",
    delay="30m",  # an hour's observation is published within half an hour
)

planes = bh.EntitySource("planes", path="data/planes.parquet", keys=["tailnum"])

carrier = bh.FeatureGroup(
    "carrier",
    source=departures,
    keys=["carrier"],
    features=[
        bh.avg("dep_delay", windows=["1h", "1d", "30d"]),
        bh.avg("dep_delay >= 15", windows=["1d"], name="late"),
        bh.count(windows=["1d"]),
        bh.last("dep_delay", default=0),
    ],
    owner="ops-ml",
    description="How late a carrier has been lately.",
)

route = bh.FeatureGroup(
    "route",
    source=departures,
    keys=["origin", "dest"],
    features=[
        bh.avg("dep_delay", windows=["1d", "7d"]),
        bh.stddev("dep_delay", windows=["30d"]),
        bh.count(windows=["7d"]),
    ],
    owner="ops-ml",
    description="How late this pair of airports has been lately.",
)

airport = bh.FeatureGroup(
    "airport",
    source=departures,
    keys=["origin"],
    features=[
        bh.count(windows=["1h", "3h"]),
        bh.avg("dep_delay", windows=["1h", "3h"], fallback=bh.typical),  # should the store fail: the median of the training set
        bh.approx_quantile("dep_delay", q=0.9, windows=["6h"], name="delay_p90"),
        bh.avg("dep_delay", by="carrier", windows=["1d"]),
    ],
    owner="ops-ml",
    description="What goes on at the airport of departure.",
)

aircraft = bh.FeatureGroup(
    "aircraft",
    source=departures,
    keys=["tailnum"],
    features=[
        bh.last("dep_delay"),
        bh.count(windows=["1d"]),
        bh.time_since_last(),
    ],
    owner="ops-ml",
    description="What this aircraft last did when it left.",
)

arrivals_of_aircraft = bh.FeatureGroup(
    "arrivals_of_aircraft",
    source=arrivals,
    keys=["tailnum"],
    features=[
        bh.last("arr_delay"),
        bh.last("dest", name="last_landed_at"),
        bh.sum("air_time", windows=["1d"]),
    ],
    owner="ops-ml",
    description="What this aircraft last did when it landed.",
)

weather_at = bh.FeatureGroup(
    "weather_at",
    source=weather,
    keys=["origin"],
    features=[
        bh.last("temp"),
        bh.avg("wind_speed", windows=["3h"]),
        bh.max("wind_gust", windows=["6h"]),
        bh.sum("precip", windows=["6h"]),
        bh.min("visib", windows=["3h"]),
    ],
    owner="ops-ml",
    description="The weather at the airport of departure.",
)

plane = bh.FeatureGroup(
    "plane",
    source=planes,
    features=[bh.latest("year", "seats", "manufacturer")],
    owner="ops-ml",
    description="What kind of aircraft it is.",
)

departure = bh.FeatureView(
    "departure",
    groups=[
        carrier,
        route,
        airport,
        aircraft,
        arrivals_of_aircraft.prefix("aircraft"),
        plane,
        weather_at.prefix("wx"),
    ],
    request={"distance": bh.Int, "sched_dep": bh.Timestamp, "carrier": bh.String},
    derive={
        "hour": "extract(hour from local(sched_dep, 'America/New_York'))",
        "weekday": "extract(dow from local(sched_dep, 'America/New_York'))",
        "trend": "carrier__dep_delay_avg_1h - carrier__dep_delay_avg_30d",
        "plane_age": "extract(year from sched_dep) - plane__year",
    },
)

# The only thing that may look forward is the label: whether the flight left 15 minutes late or more.
late = bh.TrainingSet(
    "late",
    view=departure,
    spine=bh.Spine("data/flights.parquet", at="sched_dep - interval '2 hours'", keep=["flight_id"]),
    labels={"late": "dep_delay >= 15"},
    label_time="dep_time",
)
