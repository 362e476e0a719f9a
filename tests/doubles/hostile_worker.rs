//! A worker that was taken over, for the tests alone: it does what its script says.
//!
//! The script is the file beside the program whose name ends with `.script`, one command per line:
//!
//! - `request`: reads the request, as every worker does first
//! - `stdout FILE TIMES`, `stderr FILE TIMES`: writes a file so many times; 0 for ever
//! - `read OFFSET LENGTH TIMES`: reads a range of the source so many times; 0 for ever
//! - `close-stdout`: closes its output
//! - `share BYTES`: maps shared memory and writes to all of it
//! - `hide`: makes itself undumpable, so that others see less of it in `/proc`
//! - `stay`: does nothing more
//! - `abort`: ends itself by `SIGABRT`
//!
//! It ends when a pipe or the socket is closed.

#![allow(unsafe_code, reason = "no safe wrapper of these calls exists")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::path::PathBuf;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let program = PathBuf::from(std::env::args_os().next().ok_or("no name")?);
    let script = std::fs::read_to_string(program.with_extension("script"))?;
    // SAFETY: nothing else in this process uses the three standard streams.
    let [mut socket, mut stdout, mut stderr] = [0, 1, 2].map(|fd| unsafe { File::from_raw_fd(fd) });
    for line in script.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["request"] => drop(answer(&mut socket)?),
            ["stdout", file, times] => write(&mut stdout, file, times)?,
            ["stderr", file, times] => write(&mut stderr, file, times)?,
            ["read", offset, length, times] => {
                let offset: u64 = offset.parse()?;
                let length: u32 = length.parse()?;
                let request = [&offset.to_be_bytes()[..], &length.to_be_bytes()].concat();
                repeat(times, || {
                    socket.write_all(&request)?;
                    answer(&mut socket).map(drop)
                })?;
            }
            ["close-stdout"] => stdout = File::open("/dev/null")?,
            ["share", bytes] => share(bytes.parse()?)?,
            // SAFETY: the call takes plain numbers.
            ["hide"] => drop(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }),
            ["abort"] => std::process::abort(),
            ["stay"] => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            _ => return Err(format!("no command: {line}").into()),
        }
    }
    Ok(())
}

/// Reads a length and as many bytes.
fn answer(socket: &mut File) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn write(pipe: &mut File, file: &str, times: &str) -> Result<()> {
    let bytes = std::fs::read(file)?;
    repeat(times, || Ok(pipe.write_all(&bytes)?))
}

fn repeat(times: &str, mut act: impl FnMut() -> Result<()>) -> Result<()> {
    let times: u64 = times.parse()?;
    let mut done = 0;
    while times == 0 || done < times {
        act()?;
        done += 1;
    }
    Ok(())
}

/// Maps shared anonymous memory and writes to each of its pages. It stays mapped.
fn share(bytes: usize) -> Result<()> {
    const PAGE: usize = 4096;
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address that the kernel chooses.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    for at in (0..bytes).step_by(PAGE) {
        // SAFETY: the address lies within the mapping, which nothing else uses.
        unsafe { memory.cast::<u8>().add(at).write_volatile(1) };
    }
    Ok(())
}
