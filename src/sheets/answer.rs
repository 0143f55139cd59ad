//! An answer of Google's without its compression, taken in as its bytes come: never held twice, never beyond a limit.

use std::io::{self, Write};

use flate2::write::GzDecoder;

/// The largest answer that is held, decompressed: ten thousand rows of forty cells have about 5 MB.
pub const MAX_ANSWER: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Google's answer is larger than {} MiB", MAX_ANSWER >> 20)]
    TooLarge,
    #[error("Google's answer cannot be decompressed: {0}")]
    Compression(io::Error),
}

pub enum Answer {
    Plain(Held),
    Gzip(Box<GzDecoder<Held>>),
}

impl Answer {
    /// `most`: bytes that may be held.
    pub fn new(encoding: Option<&str>, most: usize) -> Self {
        let held = Held {
            bytes: Vec::new(),
            most,
        };
        match encoding {
            Some("gzip") => Self::Gzip(Box::new(GzDecoder::new(held))),
            _ => Self::Plain(held),
        }
    }

    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Plain(held) => held.write_all(bytes),
            Self::Gzip(held) => held.write_all(bytes),
        }
        .map_err(unreadable)
    }

    pub fn finish(self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Plain(held) => Ok(held.bytes),
            Self::Gzip(held) => held.finish().map(|held| held.bytes).map_err(unreadable),
        }
    }
}

/// Bytes up to a limit.
pub struct Held {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unreadable(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Error::TooLarge,
        _ => Error::Compression(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 10_000;

    fn read(encoding: Option<&str>, chunks: &[&[u8]]) -> Result<Vec<u8>, Error> {
        let mut answer = Answer::new(encoding, MOST);
        chunks.iter().try_for_each(|chunk| answer.take(chunk))?;
        answer.finish()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn a_compressed_answer_is_read_as_it_comes_and_a_cut_one_is_an_error() {
        let text = b"{\"values\":[]}";
        let body = gzip(text);
        for cut in 0..body.len() {
            let (first, second) = body.split_at(cut);
            assert_eq!(read(Some("gzip"), &[first, second]).unwrap(), text);
            assert!(
                matches!(read(Some("gzip"), &[first]), Err(Error::Compression(_))),
                "{cut}"
            );
        }
        assert_eq!(read(None, &[b"{", b"}"]).unwrap(), b"{}");
    }

    #[test]
    fn an_answer_larger_than_may_be_held_is_an_error_also_if_it_is_small_on_its_way() {
        let block = vec![b' '; MOST / 2];
        assert_eq!(read(None, &[&block, &block]).unwrap().len(), MOST);
        assert!(matches!(read(None, &[&block, &block, b" "]), Err(Error::TooLarge)));
        let bomb = gzip(&vec![b' '; MOST + 1]);
        assert!(bomb.len() < MOST / 10);
        assert!(matches!(read(Some("gzip"), &[&bomb]), Err(Error::TooLarge)));
    }
}
