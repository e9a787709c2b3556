// Command without-pauses rewrites a provider so that it does not pause: `without-pauses PROVIDER RESULT`.
//
// A provider waits for AWS with pauses that stand in its code: a minute before it first asks whether a database is up,
// ten seconds between asking again, three times. Before an emulator, which is always done, they are all that a test
// waits for, and nothing in the provider's settings shortens them. In the result they are a 32nd as long. Nothing else
// differs: what the provider checks, plans and asks AWS for is its own, and so are its deadlines.
//
// All of its waiting is in one loop, of Terraform's plugin SDK. Its calls of the clock are led past a few instructions
// that stand in the unused end of the program's last page of code. Linux on amd64 alone; functions are found by the
// program's own table, which Go leaves in stripped programs too.
package main

import (
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// waiting is the function that pauses, asks and pauses again.
const waiting = "github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry.(*StateChangeConf).WaitForStateContext.func"

// clock are the functions by which it pauses; the duration is in register AX.
var clock = []string{"time.After", "time.NewTimer", "time.Sleep"}

// shorter divides AX by 32.
var shorter = []byte{0x48, 0xc1, 0xf8, 5} // sar rax, 5

const (
	call   = 0xe8
	jump   = 0xe9
	length = 5 // of either, with the distance
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "without-pauses:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: without-pauses PROVIDER RESULT")
	}
	patches, err := patchesOf(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return copyWith(args[0], args[1], patches)
}

// patch is what is written at an offset of the resulting file.
type patch struct {
	offset uint64
	code   []byte
}

func patchesOf(provider string) ([]patch, error) {
	file, err := elf.Open(provider)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, table := file.Section(".text"), file.Section(".gopclntab")
	if file.Machine != elf.EM_X86_64 || text == nil || table == nil {
		return nil, errors.New("not a Go program for Linux on amd64")
	}
	lines, err := table.Data()
	if err != nil {
		return nil, err
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(lines, text.Addr))
	if err != nil {
		return nil, err
	}
	room, err := roomAfter(file, text)
	if err != nil {
		return nil, err
	}
	offset := func(address uint64) uint64 { return address - text.Addr + text.Offset }

	var patches []patch
	detours := map[uint64]uint64{}
	for _, name := range clock {
		if function := symbols.LookupFunc(name); function != nil {
			detours[function.Entry] = room
			code := append(slices.Clone(shorter), branch(jump, room+uint64(len(shorter)), function.Entry)...)
			patches = append(patches, patch{offset(room), code})
			room += uint64(len(code))
		}
	}
	led := 0
	for _, function := range symbols.Funcs {
		if !strings.HasPrefix(function.Name, waiting) {
			continue
		}
		code := make([]byte, function.End-function.Entry)
		if _, err := text.ReadAt(code, int64(function.Entry-text.Addr)); err != nil {
			return nil, err
		}
		for i := 0; i+length <= len(code); i++ {
			at := function.Entry + uint64(i)
			target := at + length + uint64(int64(int32(binary.LittleEndian.Uint32(code[i+1:]))))
			if detour, pauses := detours[target]; code[i] == call && pauses {
				patches = append(patches, patch{offset(at), branch(call, at, detour)})
				led++
			}
		}
	}
	if led == 0 {
		return nil, errors.New("the loop in which it waits was not found")
	}
	return patches, nil
}

// roomAfter is the first address of the zeros between the end of the program's code and that of its last page, which
// are mapped with it.
func roomAfter(file *elf.File, text *elf.Section) (uint64, error) {
	const page, needed = 4096, 64
	end := text.Addr + text.Size
	for _, segment := range file.Progs {
		last := segment.Type == elf.PT_LOAD && segment.Vaddr <= text.Addr && end == segment.Vaddr+segment.Filesz
		if last && page-end%page >= needed {
			return end, nil
		}
	}
	return 0, errors.New("not enough space after its code")
}

func branch(opcode byte, from, to uint64) []byte {
	return binary.LittleEndian.AppendUint32([]byte{opcode}, uint32(int32(int64(to)-int64(from+length))))
}

func copyWith(provider, copied string, patches []patch) (err error) {
	from, err := os.Open(provider)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	for _, patch := range patches {
		if _, err := to.WriteAt(patch.code, int64(patch.offset)); err != nil {
			return err
		}
	}
	return nil
}
