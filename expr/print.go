package expr

// sql is how an overload prints in each dialect.
type sql struct{ spark, flink string }
