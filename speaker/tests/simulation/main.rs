//! The speakers' protocol on a simulated LAN, with the core that ships: seeded, so that what fails fails again.

mod faults;
mod liveness;
mod moves;
mod views;
mod world;
