package ledger

// Cell is the one place of a message in the reconciliation: what the
// application was told, by how many copies the log holds.
//
//	                    0 copies           1 copy        2 or more
//	told yes            vanished           delivered     duplicated
//	told no             refused            phantom       duplicated
//	told nothing        lost_in_silence    unconfirmed   duplicated
//
// Beside the matrix: dropped, and while the run goes on in_flight.
type Cell string

// The cells.
const (
	// CellDelivered: told yes, and there once. All is well.
	CellDelivered Cell = "delivered"
	// CellVanished: acknowledged, and gone.
	CellVanished Cell = "vanished"
	// CellDuplicated: there more than once, whatever was told.
	CellDuplicated Cell = "duplicated"
	// CellRefused: told no, and not there.
	CellRefused Cell = "refused"
	// CellPhantom: told no, and there all the same.
	CellPhantom Cell = "phantom"
	// CellLostInSilence: told nothing, and not there.
	CellLostInSilence Cell = "lost_in_silence"
	// CellUnconfirmed: told nothing, and there.
	CellUnconfirmed Cell = "unconfirmed"
	// CellDropped: the producer never had it, and it is not there.
	CellDropped Cell = "dropped"
	// CellInFlight: the application has not had the last word on it yet.
	// Empty once the books are settled.
	CellInFlight Cell = "in_flight"
	// CellForeign: a copy was found of a message that was never scheduled. It
	// counts in no sum but Foreign.
	CellForeign Cell = "foreign"
)

// matrix names the cells by Outcome, from Confirmed, and by copies: 0, 1, more.
var matrix = [3][3]Cell{
	{CellVanished, CellDelivered, CellDuplicated},
	{CellRefused, CellPhantom, CellDuplicated},
	{CellLostInSilence, CellUnconfirmed, CellDuplicated},
}

// Entry is what the [Books] know about one message.
type Entry struct {
	// Scheduled is false for a message of which only copies were seen.
	Scheduled bool
	// Dropped says that the message is in the cell beside the matrix.
	Dropped bool
	// Outcome is the message's row of the matrix. NotTold: it is in flight,
	// dropped or foreign.
	Outcome Outcome
	// Cause is why the application was not told yes; and for a lost message why
	// it is lost, which after a yes is Acknowledged.
	Cause Cause
	// Late is what the producer said of a lost message when the application had
	// stopped waiting for its word; NoCause when it said nothing.
	Late Cause
	// Copies is how many the log holds, whoever made them.
	Copies int
	// Extra are the copies beyond the first, by Maker.
	Extra [makers]int
	// Consumed is how many copies the consumer group got; a copy that it got
	// twice counts twice.
	Consumed int
}

// Cell is the one cell in which the message lies.
func (e Entry) Cell() Cell {
	switch {
	case !e.Scheduled:
		return CellForeign
	case e.Dropped:
		return CellDropped
	case e.Outcome == NotTold:
		return CellInFlight
	default:
		return matrix[e.Outcome-Confirmed][min(e.Copies, 2)]
	}
}

// Lost says that the message was scheduled, is settled, and has no copy.
func (e Entry) Lost() bool {
	return e.Scheduled && e.Copies == 0 && (e.Dropped || e.Outcome != NotTold)
}

// Differs says that the message belongs on the reconciliation list: it is
// settled, and in another cell than delivered.
func (e Entry) Differs() bool {
	cell := e.Cell()
	return cell != CellDelivered && cell != CellInFlight
}
