//! What a stream can show: colours, and how many columns a line may have.

use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use anstyle::{AnsiColor, Style};

use crate::env::{Environment, Terminal};

/// The columns of a terminal that does not report its size.
const USUAL: usize = 80;
/// The fewest columns that text is broken for.
const NARROWEST: usize = 20;

/// What a stream can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "abilities that do not depend on each other")]
pub struct Screen {
    /// Whether to use colours.
    pub color: bool,
    /// The columns of a line; `None` if lines may have any length, as in a pipe.
    pub width: Option<usize>,
    /// Whether the stream is a terminal.
    pub is_terminal: bool,
    /// Whether text can be a link.
    pub links: bool,
    /// Whether marks and lines are drawn with ASCII characters only.
    pub ascii: bool,
}

impl Screen {
    /// Detects what `stream` can show.
    pub(super) fn of(stream: &(impl RawStream + AsFd), environment: &Environment) -> Self {
        let columns = environment.columns;
        let is_terminal = stream.is_terminal();
        let width = if is_terminal { Some(size(stream).or(columns).unwrap_or(USUAL)) } else { columns };
        Self {
            // `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM`, as clap reads them for `--help`.
            color: AutoStream::choice(stream) != ColorChoice::Never,
            width: width.map(|width| width.max(NARROWEST)),
            is_terminal,
            links: is_terminal && environment.terminal == Terminal::Links,
            ascii: false,
        }
    }

    /// The lines of the terminal that is stdout; `None` if it is none, or does not report its size.
    pub fn height(&self) -> Option<usize> {
        let size = self.is_terminal.then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok())??;
        Some(usize::from(size.ws_row)).filter(|rows| *rows > 0)
    }
}

/// The columns that a terminal reports.
fn size(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Colours by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Success.
    Good,
    /// Failure.
    Bad,
    /// Needs attention.
    Odd,
    /// Less important.
    Faint,
    /// Neutral.
    Plain,
}

impl Tone {
    /// The tones that have a style.
    pub(super) const STYLED: [Self; 4] = [Self::Good, Self::Bad, Self::Odd, Self::Faint];

    /// The style on a terminal with colours.
    pub const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Odd => AnsiColor::Yellow.on_default(),
            Self::Faint => Style::new().dimmed(),
            Self::Plain => Style::new(),
        }
    }

    /// The style if `color` is set, otherwise none.
    pub(super) const fn style_if(self, color: bool) -> Style {
        if color { self.style() } else { Style::new() }
    }
}

/// Colours `text` if `color` is set.
pub fn paint(text: &str, tone: Tone, color: bool) -> String {
    let style = tone.style_if(color);
    format!("{style}{text}{style:#}")
}
