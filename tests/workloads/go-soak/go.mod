module soak

go 1.18
