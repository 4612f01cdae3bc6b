// Package kafka is Kafka as dataset.Topics: it reads topics into typed rows and writes dead letters.
//
// The road of a record:
//
//	consumer.go (partitions by number, from our own positions) → reader.go (a batch of one partition) → a payload: json.go, avro.go or
//	protobuf.go (fields into columns) → shape.go (columns of the source: by name, by select=, of the record itself) → dataset.Arrival
//
// keyed.go hands records over as they are, of topics that are kept by key, and makes and removes such topics.
//
// Positions are the caller's, kept with what it made of the records; a consumer group only shows people how far we are. So there is no
// membership and no rebalance: a reader has all partitions, and those that are added later are found. What retention has passed, a
// topic that was cut, deleted or made anew is a *dataset.LostRecords and never a silent jump; a broker that is away is waited for.
//
// # Rows
//
// A column of the source is the record's field of its name, or what select= makes of the record's fields. The record's own are
// _key, _timestamp, _partition, _offset and header.x, as columns and in SQL; a field of the payload that is called so is hidden by them.
//
// An absent field is null; fields that are no columns are let be. What is not of its column's type is poison: the record is handed back
// whole with the reason. Under Avro and Protobuf the types are the schema's, so there it is no matter of one record but of a schema: a
// dataset.SchemaError that names subject, version and field (registry.go says which changes pass).
//
// # Types in SQL
//
// Avro and Protobuf bring the types of the fields that an expression reads. JSON has none, so they follow from the expression: one that
// is a path alone has its column's type; otherwise each path has the first type of float, string, int, bool, timestamp, date, and lists and
// maps of the first three, with which the expression makes its column's type. They depend on the definition alone, never on a message.
package kafka
