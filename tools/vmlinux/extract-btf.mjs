// SPDX-License-Identifier: Apache-2.0
// Takes the BTF out of a kernel image as distributions ship it: unpacks it where it is compressed, then cuts the blob out by its header.
// usage: node extract-btf.mjs <vmlinuz> <output>
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

const [imagePath, outputPath] = process.argv.slice(2);
if (!imagePath || !outputPath) {
  console.error('usage: node extract-btf.mjs <vmlinuz> <output>');
  process.exit(2);
}

/** The compressed part of an image, or the image itself. @param {Buffer} image */
function payload(image) {
  // x86 bzImage, Documentation/arch/x86/boot.rst: "HdrS", then payload_offset and payload_length after setup_sects + 1 sectors.
  if (image.toString('latin1', 0x202, 0x206) === 'HdrS') {
    const start = ((image[0x1f1] || 4) + 1) * 512 + image.readUInt32LE(0x248);
    return image.subarray(start, start + image.readUInt32LE(0x24c));
  }
  // EFI zboot, drivers/firmware/efi/libstub/zboot-header.S: "zimg", then offset and size.
  if (image.toString('latin1', 4, 8) === 'zimg') {
    const start = image.readUInt32LE(8);
    return image.subarray(start, start + image.readUInt32LE(12));
  }
  return image;
}

/** @param {Buffer} data */
function unpack(data) {
  const magic = data.readUInt32BE(0);
  // The kernel's build appends the unpacked size, 4 bytes, to formats that do not carry it.
  const bare = data.subarray(0, data.length - 4);
  if (magic === 0x28b52ffd) return zstdDecompressSync(bare);
  if (magic === 0xfd377a58) return execFileSync('xz', ['-dc', '--single-stream'], { input: bare, maxBuffer: 2 ** 29, stdio: ['pipe', 'pipe', 'inherit'] });
  if (magic >>> 16 === 0x1f8b) return gunzipSync(data);
  return data;
}

const kernel = unpack(payload(readFileSync(imagePath)));
// struct btf_header: magic eb9f, version 1, flags 0, hdr_len 24; then type_off, type_len, str_off, str_len.
const start = kernel.indexOf(Buffer.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]));
if (start < 0) {
  console.error(`extract-btf: no BTF in ${imagePath}; was the kernel built with CONFIG_DEBUG_INFO_BTF, and is its compression one of zstd, xz, gzip?`);
  process.exit(1);
}
const length = 24 + kernel.readUInt32LE(start + 16) + kernel.readUInt32LE(start + 20);
writeFileSync(outputPath, kernel.subarray(start, start + length));
