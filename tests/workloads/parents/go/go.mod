module middle

go 1.18
