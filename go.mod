module github.com/bighead-ml/bighead

go 1.26
