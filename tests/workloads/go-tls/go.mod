module service

go 1.18
