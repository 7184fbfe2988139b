"""The wire form of every object: this package alone knows the names of the API's fields, going out and coming in."""
