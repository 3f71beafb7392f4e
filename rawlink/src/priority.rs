//! The priority of threads.

use std::io;

/// The highest there is (setpriority(2)).
const HIGHEST: libc::c_int = -20;

/// Lets the calling thread come before those of the usual priority, in this process and in others.
///
/// # Errors
/// The process lacks `CAP_SYS_NICE`, and `RLIMIT_NICE` does not allow it.
pub fn raise() -> io::Result<()> {
    // SAFETY: no pointer is passed; 0 is the calling thread (setpriority(2), "C library/kernel differences").
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, HIGHEST) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
