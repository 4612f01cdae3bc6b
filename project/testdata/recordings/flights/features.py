import bighead as bh

flights = bh.EventSource(
    "flights",
    path="data/flights.parquet",       # file, folder, hive-partitioned folder; or table="hive:db.flights"
    topic="flights",                   # live events, optional
    time="dep_time",                   # when it left, which is when its delay was known; cancelled flights have none
    id="flight_id",                    # optional: rows with the same id and time are one event
    order_by="flight_id",              # optional: decides between events of one millisecond
)
arrivals = flights.again("arrivals", time="arr_time")      # same place, schema and topic, another clock
planes = bh.EntitySource("planes", path="data/planes.parquet", keys=["tailnum"])
weather_source = bh.EventSource("weather", path="data/weather.parquet", time="time_hour")

carrier = bh.FeatureGroup(
    "carrier",
    source=flights,
    keys=["carrier"],
    features=[
        bh.avg("dep_delay", windows=["1h", "1d", "30d"]),               # dep_delay_avg_1h, _1d, _30d
        bh.avg("dep_delay >= 15", windows=["1d"], name="late"),         # late_1d: the share of true
        bh.count(windows=["1d"]),                                       # count_1d
        bh.last("dep_delay", default=0),                                # dep_delay_last
    ],
    owner="ops-ml", description="How late a carrier has been lately.",
)
route = bh.FeatureGroup("route", source=flights, keys=["origin", "dest"], features=[bh.avg("air_time", windows=["30d"])])
aircraft = bh.FeatureGroup("aircraft", source=flights, keys=["tailnum"], features=[bh.time_since_last(), bh.last_k("dest", k=3)])
arrivals_of_aircraft = bh.FeatureGroup("arrivals", source=arrivals, keys=["tailnum"], features=[bh.last("arr_delay")])
plane = bh.FeatureGroup("plane", source=planes, features=[bh.latest("year", "seats")])
weather = bh.FeatureGroup("weather", source=weather_source, keys=["origin"], features=[bh.last("wind_speed")])

departure = bh.FeatureView(
    "departure",
    groups=[carrier, route, aircraft, arrivals_of_aircraft.prefix("aircraft"), plane, weather.prefix("wx")],
    request={"distance": bh.Int, "sched_dep": bh.Timestamp, "carrier": bh.String},
    derive={"hour": "extract(hour from local(sched_dep, 'America/New_York'))",
            "trend": "carrier__dep_delay_avg_1h - carrier__dep_delay_avg_30d"},
    required=["carrier__dep_delay_avg_1d"],
)

late = bh.TrainingSet(
    "late", view=departure,
    spine=bh.Spine("data/flights.parquet", at="sched_dep - interval '2 hours'", keep=["flight_id"]),
    labels={"late": "dep_delay >= 15"}, label_time="dep_time",          # the only thing that may look forward
)
