mod pairs;
mod succession;
mod table;
mod times;

use super::*;

pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(super) fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// A session and its clock, and what it sent and reported.
pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) now: Moment,
    pub(super) sent: Vec<(Moment, Packet)>,
    pub(super) reports: Vec<Report>,
}

/// What a peer of number 2 says in this state.
pub(super) fn packet(state: State) -> Packet {
    Packet {
        diagnostic: Diagnostic::None,
        state,
        poll: false,
        last: false,
        control_plane_independent: false,
        demand: false,
        multiplier: 3,
        my_discriminator: number(2),
        your_discriminator: Some(number(1)),
        desired_min_tx: ms(300),
        required_min_rx: ms(300),
        required_min_echo_rx: ms(0),
    }
}

impl Stage {
    pub(super) fn new(profile: Profile) -> Self {
        let now = Moment::ORIGIN + ms(7);
        Self {
            session: Session::new(profile, number(1), 3, now),
            now,
            sent: Vec::new(),
            reports: Vec::new(),
        }
    }

    pub(super) fn give(&mut self, input: Input<'_>) -> &mut Self {
        for output in self.session.handle(input, self.now) {
            match output {
                Output::Send(packet) => self.sent.push((self.now, packet)),
                Output::Report(report) => self.reports.push(report),
            }
        }
        self
    }

    pub(super) fn hear(&mut self, packet: Packet) -> &mut Self {
        self.give(Input::Packet {
            packet: &packet,
            ttl: 255,
        })
    }

    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        let end = self.now + time;
        while let Some(next) = self.session.next(self.now).filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.give(Input::Tick);
        }
        self.now = end;
        self
    }

    /// Passes time with the peer's packets.
    pub(super) fn pass_hearing(&mut self, time: Duration, packet: Packet) -> &mut Self {
        let end = self.now + time;
        while self.now < end {
            self.pass(ms(250)).hear(packet);
        }
        self
    }

    pub(super) fn up(profile: Profile) -> Self {
        let mut stage = Self::new(profile);
        stage.hear(packet(State::Down)).hear(packet(State::Init));
        // The peer confirms the times of a session that is up.
        stage.hear(Packet {
            last: true,
            ..packet(State::Up)
        });
        assert_eq!(stage.state(), State::Up);
        stage.sent.clear();
        stage.reports.clear();
        stage
    }

    pub(super) fn state(&self) -> State {
        self.session.status().state
    }

    pub(super) fn last_sent(&self) -> Packet {
        self.sent.last().unwrap().1
    }
}
