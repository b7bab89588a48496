module go-writes

go 1.18
