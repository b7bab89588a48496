// SPDX-License-Identifier: Apache-2.0

// Prints, as one line of JSON, where the structures of Go's runtime keep what probe-go reads: of a program that was built with its DWARF.
// usage: offsets PROGRAM struct.member…      e.g. offsets ./service runtime.m.curg
package main

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: offsets PROGRAM struct.member…")
	}
	file, err := elf.Open(os.Args[1])
	if err != nil {
		fail(err)
	}
	data, err := file.DWARF()
	if err != nil {
		fail(err)
	}
	wanted := map[string]map[string]bool{}
	for _, arg := range os.Args[2:] {
		dot := strings.LastIndex(arg, ".")
		if dot < 0 {
			fail(arg + " is not of the form struct.member")
		}
		if wanted[arg[:dot]] == nil {
			wanted[arg[:dot]] = map[string]bool{}
		}
		wanted[arg[:dot]][arg[dot+1:]] = true
	}
	offsets := map[string]int64{}
	for reader := data.Reader(); ; {
		entry, err := reader.Next()
		if err != nil {
			fail(err)
		}
		if entry == nil {
			break
		}
		name, _ := entry.Val(dwarf.AttrName).(string)
		if entry.Tag != dwarf.TagStructType || wanted[name] == nil {
			continue
		}
		kind, err := data.Type(entry.Offset)
		if err != nil {
			fail(err)
		}
		for _, field := range kind.(*dwarf.StructType).Field {
			if wanted[name][field.Name] {
				offsets[name+"."+field.Name] = field.ByteOffset
			}
		}
	}
	for _, arg := range os.Args[2:] {
		if _, there := offsets[arg]; !there {
			fail(os.Args[1] + " has no " + arg)
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(offsets)
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "offsets:", why)
	os.Exit(1)
}
