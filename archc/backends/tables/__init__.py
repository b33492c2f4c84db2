"""Tables of a network and of a family, and the formats that they are written in."""
