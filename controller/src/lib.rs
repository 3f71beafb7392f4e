//! Assigns external addresses from pools to Services.
