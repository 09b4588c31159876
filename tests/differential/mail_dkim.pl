#!/usr/bin/perl
# Mail::DKIM as a filter, framed as engine.c is: 'S' signs with RSA, 'V' says "RESULT: DETAIL" of the first signature.
# mail_dkim.pl RSA.PEM RECORDS
use strict;
use warnings;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;

my ($pem, $records) = @ARGV;
my %records;
open(my $in, '<', $records) or die "$records: $!";
while (<$in>) { $records{$1} = $2 if /^(\S+) (.*)$/ }
close($in);

package Answer { sub new { bless {text => $_[1]}, $_[0] } sub type { 'TXT' } sub txtdata { $_[0]{text} } sub char_str_list { $_[0]{text} } }

no warnings 'redefine';
*Mail::DKIM::DNS::query = sub { my $text = $records{$_[0]}; return defined $text ? Answer->new($text) : () };
my $key = Mail::DKIM::PrivateKey->load(File => $pem);

sub sign {
    my ($how, $message) = @_;
    my $signer = Mail::DKIM::Signer->new(Algorithm => 'rsa-sha256', Domain => 'example.nl', Selector => 'rsa', Key => $key,
        Method => ($how & 1 ? 'relaxed' : 'simple') . '/' . ($how & 2 ? 'relaxed' : 'simple'));
    $signer->PRINT($message);
    $signer->CLOSE;
    my $field = $signer->signature->as_string;
    $field =~ s/\r?\n/\r\n/g;
    return "$field\r\n";
}

sub verify {
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT($_[0]);
    $verifier->CLOSE;
    my @all = $verifier->signatures;
    return @all ? $all[0]->result . ': ' . ($all[0]->result_detail // '') : 'none: ';
}

binmode STDIN;
binmode STDOUT;
$| = 1;
while (read(STDIN, my $head, 6) == 6) {
    my ($operation, $how, $size) = unpack('a C N', $head);
    my $message = '';
    read(STDIN, $message, $size) == $size or die 'short' if $size;
    my $answer = eval { $operation eq 'S' ? sign($how, $message) : verify($message) };
    $answer = $operation eq 'S' ? '' : "died: $@" if !defined $answer;
    print pack('N', length $answer), $answer;
}
