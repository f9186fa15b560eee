//! A tar stream, whatever it is packed with; told by its first bytes, not by the file's name.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::StreamingDecoder;

/// The most memory a packed stream may ask for: xz -9 wants 64 MiB, zstd --long=27 128 MiB.
const WINDOW: u64 = 128 << 20;

/// The unpacked bytes of `packed`.
pub(super) fn reader<'a>(mut packed: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let start = packed.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(packed)))
    } else if start.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, 256 << 10)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Ok(Box::new(Frames { next: Some(packed), frame: None }))
    } else {
        Ok(Box::new(packed))
    }
}

/// A zstd stream of one or more frames, skippable ones included.
struct Frames<R: BufRead> {
    /// Between frames.
    next: Option<R>,
    /// Within one.
    frame: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(mut frame) = self.frame.take() {
                let count = frame.read(buffer)?;
                if count > 0 {
                    self.frame = Some(frame);
                    return Ok(count);
                }
                self.next = Some(frame.into_inner());
            }
            let Some(mut source) = self.next.take() else { return Ok(0) };
            if !skip_skippable(&mut source)? {
                return Ok(0);
            }
            let frame = StreamingDecoder::new_with_max_window_size(source, WINDOW);
            self.frame = Some(frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?);
        }
    }
}

/// Steps over skippable frames (RFC 8878 §3.1.2); false at the end of the stream.
fn skip_skippable(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let start = source.fill_buf()?;
        if start.is_empty() {
            return Ok(false);
        }
        let [a, 0x2a, 0x4d, 0x18, ..] = start else { return Ok(true) };
        if a & 0xf0 != 0x50 {
            return Ok(true);
        }
        let mut head = [0; 8];
        source.read_exact(&mut head)?;
        let [.., b, c, d, e] = head;
        let length = u64::from(u32::from_le_bytes([b, c, d, e]));
        if io::copy(&mut source.by_ref().take(length), &mut io::sink())? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
