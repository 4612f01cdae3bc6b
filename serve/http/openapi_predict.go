package http

import "github.com/bighead-ml/bighead/value"

// endpoints are the names of those that are served.
func (h *Handler) endpoints() []string {
	if h.o.Predictions == nil {
		return nil
	}
	return h.o.Predictions.Names()
}

// predictCall documents POST /v1/predict/{endpoint}.
func (h *Handler) predictCall(parameter func(name, what string, schema object) []object, bad func(object) object) object {
	names := h.endpoints()
	name, forms := object{"type": "string"}, []object{}
	for _, n := range names {
		forms = append(forms, ref("PredictRequest_"+n))
	}
	request := object{"type": "object"}
	if len(forms) > 0 {
		request, name["enum"] = object{"anyOf": forms}, names
	}
	return object{
		"operationId": "predict", "summary": "Predictions for some rows, in their order.",
		"parameters":  parameter("endpoint", "the endpoint's name", name),
		"requestBody": object{"required": true, "content": jsonBody(request)},
		"responses":   bad(object{"200": answer("a row for each row: its prediction, or its own error", ref("Predictions"))}),
	}
}

// labelsCall documents POST /v1/labels.
func labelsCall(bad func(object) object) object {
	return object{
		"operationId": "labels", "summary": "The truth of predictions, as it comes to be known. 200 once it is durable; the same may be sent again, and of several the latest holds.",
		"requestBody": object{"required": true, "content": jsonBody(ref("Labels"))},
		"responses":   bad(object{"200": answer("how many were kept, and which were not", ref("Labelled"))}),
	}
}

// predictSchemas are what bodies of predictions look like; statuses is a list of them.
func (h *Handler) predictSchemas(statuses object) object {
	text, number, list := object{"type": "string"}, object{"type": "number"}, func(of object) object { return object{"type": "array", "items": of} }
	strict := func(required []string, properties object) object {
		return object{"type": "object", "required": required, "properties": properties, "additionalProperties": false}
	}
	out := object{
		"Predictions": strict([]string{"endpoint", "model", "at", "rows", "timing"}, object{"endpoint": text, "model": text, "at": object{"type": "string", "format": "date-time"},
			"features": object{"type": "array", "items": text, "description": "the view's columns that the model reads, where statuses were asked for"},
			"rows":     list(object{"oneOf": []object{ref("Prediction"), ref("RowError")}}),
			"timing":   strict([]string{"features_ms", "model_ms"}, object{"features_ms": number, "model_ms": number})}),
		"Prediction": strict([]string{"prediction", "prediction_id", "version", "degraded", "share_defaulted"}, object{
			"prediction":    object{"description": "a number, or of several classes the probability of each", "oneOf": []object{nullable(number), list(nullable(number))}},
			"class":         object{"type": "string", "description": "of several classes the one of the greatest probability"},
			"classes":       object{"type": "array", "items": text, "description": "of several classes their names, in the order of the probabilities"},
			"prediction_id": object{"type": "string", "format": "uuid", "description": "names the prediction, for labels that come later"},
			"version":       object{"description": "of the model; null: the endpoint's fallback answered", "oneOf": []object{{"type": "integer", "minimum": 1}, {"type": "null"}}},
			"degraded":      object{"type": "boolean"}, "reason": text,
			"share_defaulted": object{"type": "number", "minimum": 0, "maximum": 1, "description": "share of the columns that are neither present, empty nor default"},
			"status":          object{"oneOf": []object{{"const": "present"}, statuses}},
			"values":          object{"type": "array"},
			"inputs":          object{"type": "object", "description": "what went into the model", "additionalProperties": object{"type": []string{"number", "string", "null"}}},
			"contributions":   object{"type": "object", "description": "what each input added to the model's margin, of several classes to that of each", "additionalProperties": object{"oneOf": []object{nullable(number), list(nullable(number))}}},
			"bias":            object{"description": "what of the margin is no input's", "oneOf": []object{nullable(number), list(nullable(number))}},
			"unexplained":     object{"type": "string", "description": "why there are no contributions"}}),
	}
	endpoint := object{"type": "string", "description": "of which the predictions are; without it a label need only be one of some endpoint's"}
	if names := h.endpoints(); len(names) > 0 {
		endpoint["enum"] = names
	}
	out["Labels"] = object{"type": "object", "required": []string{"labels"}, "additionalProperties": false, "properties": object{
		"endpoint": nullable(endpoint),
		"labels": list(strict([]string{"prediction_id", "label"}, object{"prediction_id": object{"type": "string", "format": "uuid"},
			"label": object{"type": []string{"boolean", "number", "string"}, "description": "the class, or the value"},
			"at":    nullable(object{"description": "when it was known; left out: now", "anyOf": []object{typeSchema(value.Timestamp)}})}))}}
	out["Labelled"] = strict([]string{"accepted", "rejected"}, object{"accepted": object{"type": "integer", "minimum": 0}, "rejected": list(ref("Rejected"))})
	for _, name := range h.endpoints() {
		if v, err := h.o.Predictions.View(name); err == nil {
			out["PredictRequest_"+name] = object{"type": "object", "required": []string{"rows"}, "additionalProperties": false, "properties": object{
				"rows":    object{"type": "array", "items": rowSchema(v)},
				"at":      nullable(typeSchema(value.Timestamp)),
				"status":  nullable(object{"type": "boolean", "default": false}),
				"explain": nullable(object{"type": "boolean", "default": false}),
			}}
		}
	}
	return out
}
